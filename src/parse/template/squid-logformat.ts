/**
 * Parsers from Squid's `logformat` (squid.conf documentation, directive `logformat`):
 *
 *   field = "%" [ `"` | "[" | "#" | "/" | "'" ] [ "-" ] [ [ "0" ] width ] [ "." precision ] [ "{" argument "}" ] code [ "{" argument "}" ]
 *
 * Squid escapes what it prints: blanks in user names and headers become `%20`, between quotes a backslash stands before a quote.
 * Widths pad with blanks, so runs of blanks count as one.
 */
import type { Frame, Outcome, Parser } from '../../contracts.ts'
import { find, findByte, findLastByte, isDigit, matchesAt, needle, readCount } from '../../lib/bytes.ts'
import {
  ACTION_ALLOWED,
  ACTION_BLOCKED,
  DEVICE,
  DST_HOST,
  DST_IP,
  DST_PORT,
  type RecordFields,
  SRC_IP,
  TIME,
  URL,
  USER
} from '../../record.ts'
import { composeUrl } from '../elff.ts'
import { count, raw, text } from '../field.ts'
import { FieldTable } from '../field-table.ts'
import { isAddress } from '../grammar/w3c.ts'
import { headerTime, malformed, skip } from '../kit.ts'
import { decodePercent, Line, Value } from '../values/line.ts'
import { readClfTime, readEpoch } from '../values/time.ts'
import { setScheme } from '../values/words.ts'
import { UTC } from '../values/zone.ts'
import { DatePattern, fromStrftime } from './date-pattern.ts'
import { rowParser } from './row-parser.ts'
import { type Piece, SegmentScanner, type Shape } from './segments.ts'
import { TEMPLATE_MAX_CHARS, TemplateError } from './template.ts'

/** What the codes fill; in order of preference. `%<st` is what the client got, `%>st` what it sent. */
const ROWS = {
  ts: raw(),
  tu: raw(),
  tS: raw(),
  tl: raw(),
  tg: raw(),
  '>a': text('srcIp'),
  '>A': raw(),
  un: text('user'),
  ul: text('user'),
  us: text('user'),
  ue: text('user'),
  ui: text('user'),
  Ss: raw(),
  Sh: raw(),
  '>Hs': raw(),
  '<Hs': raw(),
  rm: raw(),
  ru: raw(),
  rd: text('dstHost'),
  'ssl::>sni': text('dstHost'),
  host: text('dstHost'),
  rP: count('dstPort'),
  rs: raw(),
  rp: raw(),
  '<a': raw(),
  '<p': raw(),
  '>st': count('uploadedBytes'),
  '<st': count('downloadedBytes'),
  st: count('totalBytes')
} as const

type Code = keyof typeof ROWS
type Values = Readonly<Record<Code, Value>>

/** Codes that mean the same for a log of the client side. */
const SAME: Readonly<Record<string, Code>> = {
  '>rm': 'rm',
  '>ru': 'ru',
  '>rd': 'rd',
  '>rP': 'rP',
  '>rs': 'rs',
  '>rp': 'rp',
  Hs: '>Hs'
}

/** All codes of Squid 3 to 7. */
const CODES = new Set(
  `sn err_code err_detail note >a >A >p >eui >la >lp >qos >nfmark la lp <a <A <p <la <lp <qos <nfmark >handshake
  ts tu tl tg tr dt tS et ea credentials un ul ui us ue >h >ha <h >Hs <Hs Hs Ss Sh mt rm >rm <rm ru >ru <ru rs >rs <rs rd >rd <rd
  rp >rp <rp rP >rP <rP rv >rv <rv rG >rG <rG st >st <st >sh <sh sh <sH >sH <bs <pt <tt busy_time master_xaction
  transport::>connection_id proxy_protocol::>h ssl::bump_mode ssl::>sni ssl::>cert_subject ssl::>cert_issuer ssl::<cert_subject
  ssl::<cert_issuer ssl::<cert_errors ssl::<cert ssl::>negotiated_version ssl::<negotiated_version
  ssl::>received_hello_version ssl::<received_hello_version ssl::>received_supported_version ssl::<received_supported_version
  ssl::>negotiated_cipher ssl::<negotiated_cipher tls::>sni icap::tt icap::to icap::Hs icap::rm icap::ru icap::st icap::tr icap::trt
  icap::tio icap::<A icap::<service_name icap::<last_h icap::>h icap::<h icap::>st icap::<st icap::<bs icap::request_attempts
  adapt::all_trs adapt::sum_trs adapt::<last_h acl`.split(/\s+/)
)
const CODE_MAX_CHARS = Math.max(...[...CODES].map(code => code.length))
const COUNTS = new Set('tu tr dt >p <p >lp <lp lp >rP rP <rP >st <st st >sh <sh sh Hs >Hs <Hs <pt <tt <bs sn'.split(' '))
const ADDRESSES = new Set('>a <a >la <la la'.split(' '))
const CLF_BYTES = 26
const LENGTHS: Readonly<Record<string, number>> = { ts: 10, tl: CLF_BYTES, tg: CLF_BYTES }

const DENIED = needle('DENIED')
const ABORTED = needle('ABORTED')
const MARK = needle('://')
const MANAGER = needle('cache_object://')
const INTERNAL = needle('/squid-internal-')
const SCHEME_MAX_BYTES = 32

interface Format {
  pieces: Piece[]
  names: Set<string>
  /** Pattern of a time that has an argument. */
  date: DatePattern | undefined
}

export function squidLogformatParser(template: string): Parser {
  if (template.length > TEMPLATE_MAX_CHARS) throw fault(`it has ${template.length} characters, more than ${TEMPLATE_MAX_CHARS}`)
  const table = new FieldTable(ROWS)
  // a line of squid.conf may be pasted as it is
  const { pieces, names, date } = readFormat(template.trim().replace(/^logformat\s+[^\s%]+\s+/, ''), table)
  if (!names.has('>a') && !names.has('>A')) throw fault('it has no client address; add %>a')
  if (!['ru', 'rd', 'host', 'ssl::>sni', '<a'].some(name => names.has(name))) throw fault('it has no server; add %ru')
  const scanner = new SegmentScanner(pieces, { runs: true, backslash: true })
  return rowParser({
    id: 'template-squid-logformat',
    appliance: 'Squid, by the logformat of the configuration',
    read(frame, start, out): Outcome {
      table.begin(frame)
      if (!scanner.scan(frame.buf, start, frame.end)) return malformed(out, 'bad_syntax')
      const { v } = table
      if (v.Ss.startsWith('UDP_')) return skip(out, 'not_traffic') // questions between caches
      table.apply(frame, out)
      out.numbers[TIME] = timeOf(v, date, frame)
      return complete(v, names, frame, out)
    }
  }) as Parser
}

const fault = (message: string): TemplateError => new TemplateError([{ path: [], message }])

const PART = /%%|%(["[#/'])?(-)?(?:0?(\d+))?(?:\.\d+)?(?:\{([^}]*)\})?((?:[a-z_]+::)?[<>]?[A-Za-z_]+)|\\([tnr"\\])|[^%\\]+|[\s\S]/y
const ARGUMENT = /\{([^}]*)\}/y

function readFormat(template: string, table: FieldTable<Code>): Format {
  const pieces: Piece[] = []
  const names = new Set<string>()
  let date: DatePattern | undefined
  for (let at = 0; at < template.length; ) {
    PART.lastIndex = at
    const match = PART.exec(template)!
    const [whole, , , , before, word, escaped] = match
    at = PART.lastIndex
    if (word === undefined) {
      if (whole === '%') throw fault(`${JSON.stringify(template.slice(at - 1, at + 11))} at character ${at} is no format code of Squid`)
      pieces.push(whole === '%%' ? '%' : escaped === undefined ? whole : ({ t: '\t', n: '\n', r: '\r' }[escaped] ?? escaped))
      continue
    }
    const code = codeOf(word)
    if (code === undefined) throw fault(`%${word} at character ${match.index + 1} is no format code of Squid`)
    at -= word.length - code.length
    ARGUMENT.lastIndex = at
    const behind = ARGUMENT.exec(template)
    if (behind !== null) at = ARGUMENT.lastIndex
    const argument = before ?? behind?.[1]
    const name = nameOf(code, argument)
    if ((code === 'tl' || code === 'tg') && argument !== undefined && argument !== '') {
      if (date !== undefined) throw fault('it has two times with a format of their own')
      date = datePattern(argument)
    }
    names.add(name)
    const value = Object.hasOwn(ROWS, name) ? table.v[name as Code] : undefined
    const shape: Shape = COUNTS.has(code) ? 'count' : ADDRESSES.has(code) ? 'address' : 'text'
    pieces.push({
      name: template.slice(match.index, at),
      value,
      shape,
      length: argument === undefined ? (LENGTHS[code] ?? (code === 'tu' ? 3 : 0)) : 0
    })
  }
  return { pieces, names, date }
}

/** The longest code that the word begins with: `%tsX` is `%ts` and an X. */
function codeOf(word: string): string | undefined {
  for (let length = Math.min(word.length, CODE_MAX_CHARS); length > 0; length--) {
    const code = word.slice(0, length).replace(/^(?:http|tls)::/, '')
    if (CODES.has(word.slice(0, length)) || (code !== '' && code !== word.slice(0, length) && CODES.has(code))) return word.slice(0, length)
  }
  return undefined
}

/** Name of the row that a code fills. */
function nameOf(code: string, argument: string | undefined): string {
  const bare = code.replace(/^http::/, '').replace(/^tls::/, 'ssl::')
  if (bare === '>h' && argument?.toLowerCase() === 'host') return 'host'
  return Object.hasOwn(SAME, bare) ? SAME[bare]! : bare
}

function datePattern(argument: string): DatePattern {
  try {
    return new DatePattern(fromStrftime(argument))
  } catch (error) {
    throw fault(`the time format ${JSON.stringify(argument)} can not be used: ${(error as Error).message}`)
  }
}

/** Epoch first; then the local and the UTC clock; over syslog perhaps only the header has a time. */
function timeOf(v: Values, date: DatePattern | undefined, frame: Frame): number {
  const { buf, zone, now } = frame
  const epoch = v.ts.present ? v.ts : v.tS
  if (epoch.present) {
    const time = readEpoch(buf, epoch.start, epoch.end)
    const ms = v.tu.count()
    return ms > 0 && ms < 1000 ? time + ms : time
  }
  const clock = v.tl.present ? v.tl : v.tg
  if (!clock.present) return headerTime(frame)
  const zoneOfClock = clock === v.tg ? UTC : zone
  return date === undefined
    ? readClfTime(buf, clock.start, clock.end, zoneOfClock)
    : date.read(buf, clock.start, clock.end, zoneOfClock, now)
}

function complete(v: Values, names: ReadonlySet<string>, frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  setClient(v, end, out)
  if (v.rm.is('CONNECT')) setTarget(buf, v.ru, out)
  else if (v.ru.present) {
    const mark = find(buf, v.ru.start, Math.min(v.ru.end, v.ru.start + SCHEME_MAX_BYTES), MARK)
    if (mark < 0) return skip(out, 'not_traffic') // `error:transaction-end-before-headers`, or a request without URL
    if (isOwnPage(buf, mark + MARK.length, v.ru)) return skip(out, 'appliance_itself')
    out.set(URL, v.ru.start, v.ru.end)
  } else {
    setScheme(v.rs, out)
    composeUrl(v.rs, v.rd.present ? v.rd : v.host, v.rp, NO_VALUE, out)
  }
  setPeer(v, names, out)
  out.action = actionOf(v, buf)
  return 'parsed'
}

const NO_VALUE = new Value(new Line())

/** `%>A` is the client's name, or its address when that has none. */
function setClient(v: Values, end: number, out: RecordFields): void {
  const name = v['>A']
  if (name.present) {
    if (!isAddress(out.buf, name.start, name.end) || name.end > end) out.set(DEVICE, name.start, name.end)
    else if (!out.has(SRC_IP)) out.set(SRC_IP, name.start, name.end)
  }
  if (out.has(USER) && findByte(out.buf, out.start[USER]!, out.end[USER]!, 0x25) >= 0) out.setText(USER, decodePercent(out.text(USER)!))
}

/** `host:port` of a CONNECT. A name never ends in a digit, an address does or stands in brackets. */
function setTarget(buf: Buffer, { start, end }: Value, out: RecordFields): void {
  if (start < 0) return
  const colon = findLastByte(buf, start, end, 0x3a)
  const hostEnd = colon > start ? colon : end
  const isIp = isDigit(buf[hostEnd - 1]) || buf[start] === 0x5b
  if (isIp || !out.has(DST_HOST)) out.set(isIp ? DST_IP : DST_HOST, start, hostEnd)
  if (colon > start) out.numbers[DST_PORT] = readCount(buf, colon + 1, end)
}

/** The cache's manager and icons: `cache_object://…`, `http://host/squid-internal-…`. */
function isOwnPage(buf: Buffer, authority: number, { start, end }: Value): boolean {
  if (matchesAt(buf, start, end, MANAGER)) return true
  const path = findByte(buf, authority, end, 0x2f)
  return path >= 0 && matchesAt(buf, path, end, INTERNAL)
}

/** The peer of a request that went straight to the server is the server; a parent proxy is not. */
function setPeer(v: Values, names: ReadonlySet<string>, out: RecordFields): void {
  const { Sh } = v
  const isServer = names.has('Sh') && (Sh.endsWith('DIRECT') || Sh.endsWith('ORIGINAL_DST') || Sh.endsWith('PINNED'))
  if (!isServer) return
  const peer = v['<a']
  if (peer.present && !out.has(DST_IP) && isAddress(out.buf, peer.start, peer.end)) out.set(DST_IP, peer.start, peer.end)
  if (out.numbers[DST_PORT]! < 0) out.numbers[DST_PORT] = v['<p'].count()
}

/** DENIED blocks; no answer, or one that was broken off, decides nothing; without a result code nothing is known. */
function actionOf(v: Values, buf: Buffer): number {
  const { start, end } = v.Ss
  if (!v.Ss.present || v.Ss.is('-')) return 0
  if (find(buf, start, end, DENIED) >= 0) return ACTION_BLOCKED
  const status = v['>Hs']
  if (status.is('000') || status.is('0') || v.Ss.startsWith('NONE') || find(buf, start, end, ABORTED) >= 0) return 0
  return ACTION_ALLOWED
}

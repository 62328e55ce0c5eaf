/**
 * Zscaler Internet Access, web log, from an NSS virtual machine or pushed by Cloud NSS.
 * Format: Zscaler help, "NSS Feed Output Format: Web Logs". All feeds are templates that an administrator may edit, so the
 * wire form is told by the bytes and fields by their names: LEEF, CEF, key=value in two generations, JSON (an event in an
 * envelope, flat, or with the names of CEF), quoted CSV and TSV in the default order. The request is sent by the client.
 */
import {
  action,
  anyTime,
  CefHeader,
  CSV,
  cefIs,
  cefStart,
  count,
  type DelimitedSyntax,
  decodePercent,
  FieldTable,
  type Frame,
  find,
  findByte,
  headerTime,
  headHas,
  headHasAny,
  headText,
  isDigit,
  jsonInner,
  LeefHeader,
  leefIs,
  leefStart,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  oncePerFrame,
  type Parser,
  raw,
  readCefHeader,
  readLeefHeader,
  salvageJson,
  scanCefExtension,
  scanDelimited,
  scanJson,
  scanLeef,
  setScheme,
  skip,
  TSV,
  text,
  time,
  type Value
} from '../src/parse/kit.ts'
import { ACTION_ALLOWED, ACTION_BLOCKED, DST_HOST, type RecordFields, TIME, URL, USER } from '../src/record.ts'

const ACTIONS = action({ cautioned: 'blocked', isolated: 'allowed', conditional: 'allowed' })

const table = new FieldTable({
  tz: raw(),
  time: raw(),
  datetime: raw(),
  TimeGenerated: raw(),
  epochtime: raw(),
  rt: anyTime(),
  devTime: anyTime(),
  cip: text('srcIp'),
  ClientIP: text('srcIp'),
  cltip: text('srcIp'),
  src: text('srcIp'),
  cintip: text('srcIp'),
  cltintip: text('srcIp'),
  clientpublicIP: text('srcIp'),
  cltpubip: text('srcIp'),
  login: text('user'),
  user: text('user'),
  elogin: text('user'),
  suser: text('user'),
  usrName: text('user'),
  devicehostname: text('device'),
  sip: text('dstIp'),
  serverip: text('dstIp'),
  dst: text('dstIp'),
  ehost: text('dstHost'),
  host: text('dstHost'),
  hostname: text('dstHost'),
  dhost: text('dstHost'),
  eurl: text('url'),
  url: text('url'),
  request: text('url'),
  b64url: raw(),
  b64host: raw(),
  reqsize: count('uploadedBytes'),
  requestsize: count('uploadedBytes'),
  out: count('uploadedBytes'),
  srcBytes: count('uploadedBytes'),
  respsize: count('downloadedBytes'),
  responsesize: count('downloadedBytes'),
  in: count('downloadedBytes'),
  in_bytes: count('downloadedBytes'),
  dstBytes: count('downloadedBytes'),
  totalsize: count('totalBytes'),
  transactionsize: count('totalBytes'),
  action: ACTIONS,
  act: ACTIONS,
  cat: raw(),
  proto: raw(),
  protocol: raw(),
  app: raw(),
  appproto: raw(),
  product: raw()
})
const level = table.json()
const { v } = table

/** Order of the CSV and TSV feeds (Zscaler help, "NSS Feed Output Format: Web Logs", default). */
const COLUMNS = table.columns(
  'time login proto eurl action appname appclass reqsize respsize stime ctime urlclass urlsupercat urlcat malwarecat threatname riskscore dlpeng dlpdict location dept cip sip reqmethod respcode ua ereferer ruletype rulelabel contenttype unscannabletype deviceowner devicehostname keyprotectiontype'.split(
    ' '
  )
)
/** Fewest columns in which source and server stand. */
const COLUMNS_MIN = 23

const TAB = 0x09
const QUOTE = 0x22
const SOURCETYPE = needle('"sourcetype"')
const EVENT = needle('"event"')
const ZSCALER = needle('zscaler')
const VENDOR = needle('"vendor"')
const ZSCALER_QUOTED = needle('Zscaler"')
const PRODUCT = needle('"product"')
const FIREWALL_PRODUCT = needle('NSSFWlog')
const FIREWALL = needle('-fw"')
const WEB = needle('web')
const DATETIME = needle('datetime="')
const REASON = needle('\treason=')
const EVENT_ID = needle('\tevent_id=')
const ALERT = needle('ZscalerNSS:')
const PRIVATE_ACCESS = needle('{"LogTimestamp"')
const CLIENT_NAMES = [needle('"cip"'), needle('"ClientIP"'), needle('"cltip"')]
const REQUEST_NAMES = [needle('"eurl"'), needle('"elogin"'), needle('"reqsize"'), needle('"respsize"'), needle('"b64url"')]

const NOTHING = 0
const JSON_OBJECT = 1
const PAIRS = 2
const QUOTED = 3
const TABS = 4
const CEF = 5
const LEEF = 6
const OTHER_LOG = 7

const parser: Parser = {
  id: 'zscaler-nss',
  appliance: 'Zscaler Internet Access web log (NSS, Cloud NSS)',
  recognizes: frame => formOf(frame) !== NOTHING,
  parse(frame, out) {
    table.begin(frame)
    switch (formOf(frame)) {
      case JSON_OBJECT:
        return readJson(frame, out)
      case PAIRS:
        return readPairs(frame, out)
      case QUOTED:
        return readColumns(frame, frame.body, CSV, out)
      case TABS:
        return readColumns(frame, tabRowStart(frame), TSV, out)
      case CEF:
        return readCef(frame, out)
      case LEEF:
        return readLeef(frame, out)
      case OTHER_LOG:
        return skip(out, 'not_traffic')
    }
    return malformed(out, 'bad_syntax')
  }
}

/** Which wire form the frame has, by its first bytes. */
const formOf = oncePerFrame(readForm)

function readForm(frame: Frame): number {
  const { buf, body, end } = frame
  const first = buf[body]
  if (first === 0x7b || first === 0x5b) return jsonForm(frame)
  if (cefIs(frame, 'Zscaler')) return cefIs(frame, 'Zscaler', 'NSSFWlog') ? NOTHING : CEF
  if (leefIs(frame, 'Zscaler', 'NSS|')) return LEEF
  if (first === QUOTE) return isWebRow(frame) ? QUOTED : NOTHING
  if (isDigit(first) && body + 19 < end && buf[body + 19] === TAB && buf[body + 4] === 0x2d) return isPairs(frame) ? PAIRS : NOTHING
  if (matchesAt(buf, body, end, DATETIME)) return isPairs(frame) ? PAIRS : NOTHING
  if (isTabRow(frame)) return TABS
  return headHas(frame, ALERT) ? OTHER_LOG : NOTHING
}

const isPairs = (frame: Frame): boolean => headHas(frame, REASON) || headHas(frame, EVENT_ID)

function jsonForm(frame: Frame): number {
  const { buf, end } = frame
  const sourcetype = sourcetypeStart(frame)
  if (sourcetype >= 0) {
    if (!matchesAt(buf, sourcetype, end, ZSCALER)) return NOTHING
    return find(buf, sourcetype, Math.min(end, sourcetype + 24), FIREWALL) < 0 ? JSON_OBJECT : NOTHING
  }
  if (matchesAt(buf, frame.body, end, PRIVATE_ACCESS)) return OTHER_LOG
  return (headHasAny(frame, CLIENT_NAMES) && headHasAny(frame, REQUEST_NAMES)) || isVendors(frame) ? JSON_OBJECT : NOTHING
}

/** Where the text of `"sourcetype"` starts, or -1. */
const sourcetypeStart = oncePerFrame(frame => headText(frame, SOURCETYPE))

/** The flat object with names of CEF, whose template may lack the sourcetype: `"vendor":"Zscaler"`, and the product is not the firewall. */
function isVendors(frame: Frame): boolean {
  const { buf, end } = frame
  if (!matchesAt(buf, headText(frame, VENDOR), end, ZSCALER_QUOTED)) return false
  const product = headText(frame, PRODUCT)
  return product >= 0 && !matchesAt(buf, product, end, FIREWALL_PRODUCT)
}

/** `"Mon Jun 20 15:29:11 2022","login","proto","url","action"`: the fifth column of the firewall's rows is a port. */
function isWebRow(frame: Frame): boolean {
  const { buf, body, end } = frame
  if (body + 25 >= end || buf[body + 4] !== 0x20 || buf[body + 25] !== QUOTE || buf[body + 17] !== 0x3a) return false
  let at = body
  for (let column = 0; column < 4; column++) {
    at = findByte(buf, at + 1, Math.min(end, body + 4096), QUOTE)
    if (at < 0 || buf[at + 1] !== 0x2c || buf[at + 2] !== QUOTE) return false
    at += 2
  }
  return at + 1 < end && !isDigit(buf[at + 1])
}

/** `Mon Jun 20 15:29:11 2022<TAB>`: its first words look like a syslog time. */
function isTabRow(frame: Frame): boolean {
  const { buf, end } = frame
  const at = tabRowStart(frame)
  if (at + 25 >= end || buf[at + 3] !== 0x20 || buf[at + 13] !== 0x3a || buf[at + 16] !== 0x3a || buf[at + 24] !== TAB) return false
  let tab = at + 24
  for (let column = 0; column < 3 && tab >= 0; column++) tab = findByte(buf, tab + 1, Math.min(end, at + 4096), TAB)
  return tab >= 0 && tab + 1 < end && !isDigit(buf[tab + 1]) && isDecision(buf, tab + 1)
}

const isDecision = (buf: Buffer, at: number): boolean => buf[at] === 0x41 || buf[at] === 0x42 || buf[at] === 0x43 || buf[at] === 0x49

function tabRowStart(frame: Frame): number {
  const { buf, body, end } = frame
  return frame.timeStart >= 0 && body + 4 < end && isDigit(buf[body]) && buf[body + 4] === TAB ? frame.timeStart : body
}

function readJson(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  const sourcetype = sourcetypeStart(frame)
  const typeEnd = sourcetype < 0 ? -1 : findByte(buf, sourcetype, Math.min(end, sourcetype + 40), QUOTE)
  const bare = typeEnd - sourcetype === 'zscalernss'.length
  if (sourcetype >= 0 && !bare && find(buf, sourcetype, Math.max(typeEnd, sourcetype), WEB) < 0) return skip(out, 'not_traffic')
  const start = jsonInner(frame, EVENT)
  if (scanJson(buf, start, end, level) < 0) {
    table.begin(frame) // the value before the break may have been cut short
    salvageJson(buf, start, end, table.keys, table.values)
    if (!table.values.some(value => value.present)) return malformed(out, 'bad_syntax')
  }
  if (v.product.present && !v.product.startsWith('NSSWeb') && !v.product.is('NSS')) return skip(out, 'not_traffic')
  return complete(frame, out)
}

/** TAB between pairs; quotes around all values or some, doubled where the value held quotes; the old form begins with its time. */
function readPairs(frame: Frame, out: RecordFields): Outcome {
  const { buf, body, end } = frame
  if (isDigit(buf[body])) v.time.set(body, body + 19, 0)
  if (scanLeef(buf, body, end, TAB, table.keys, table.values) === 0) return malformed(out, 'bad_syntax')
  for (const value of table.values) unquote(buf, value)
  return complete(frame, out)
}

function unquote(buf: Buffer, value: Value): void {
  while (value.end - value.start >= 2 && buf[value.start] === QUOTE && buf[value.end - 1] === QUOTE) {
    value.start++
    value.end--
  }
}

function readColumns(frame: Frame, start: number, syntax: DelimitedSyntax, out: RecordFields): Outcome {
  if (scanDelimited(frame.buf, start, frame.end, COLUMNS, table.values, syntax) < COLUMNS_MIN) return malformed(out, 'short_row')
  return complete(frame, out)
}

const cefHeader = new CefHeader()

function readCef(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  const extension = readCefHeader(buf, cefStart(frame), end, cefHeader)
  if (extension < 0) return malformed(out, 'bad_syntax')
  if (!cefIs(frame, 'Zscaler', 'NSSWeb')) return skip(out, 'not_traffic')
  scanCefExtension(buf, extension, end, table.keys, table.values, table.layouts.cef)
  return complete(frame, out)
}

const leefHeader = new LeefHeader()

function readLeef(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  // the feed separates by TAB; when a relay made blanks of them, values can not be told from keys
  if (!readLeefHeader(buf, leefStart(frame), end, leefHeader) || leefHeader.delimiter !== TAB) return malformed(out, 'bad_syntax')
  scanLeef(buf, leefHeader.pairs, end, TAB, table.keys, table.values, table.layouts.leef)
  const outcome = complete(frame, out)
  if (out.action === 0 && v.cat.is('Allowed')) out.action = ACTION_ALLOWED
  if (out.action === 0 && v.cat.is('Blocked')) out.action = ACTION_BLOCKED
  return outcome
}

function complete(frame: Frame, out: RecordFields): Outcome {
  table.apply(frame, out)
  readTime(frame, out)
  if (v.b64url.present && !out.has(URL)) out.setText(URL, Buffer.from(v.b64url.text(), 'base64').toString('utf8'))
  if (v.b64host.present && !out.has(DST_HOST)) out.setText(DST_HOST, Buffer.from(v.b64host.text(), 'base64').toString('utf8'))
  if (out.has(USER) && findByte(out.buf, out.start[USER]!, out.end[USER]!, 0x25) >= 0) out.setText(USER, decodePercent(out.text(USER)!))
  setScheme(v.proto, out)
  setScheme(v.protocol, out)
  setScheme(v.app, out)
  setScheme(v.appproto, out)
  return 'parsed'
}

const WALL = { name: 'wall', toUtc: (wallMs: number) => wallMs }

/**
 * A clock with a zone that is understood, else the epoch, else the clock in the source's zone: feeds print the clock of the
 * organisation, and an epoch is certain, but a template may hold a constant in its place.
 */
function readTime(frame: Frame, out: RecordFields): void {
  const { buf, zone, now } = frame
  const clock = v.time.present ? v.time : v.datetime.present ? v.datetime : v.TimeGenerated
  if (clock.present && v.tz.present && buf[clock.end - 1] !== 0x5a) {
    const wall = time.readAnyTime(buf, clock.start, clock.end, WALL, now)
    const withZone = time.withOffset(buf, v.tz.start, v.tz.end, wall, zone)
    if (!Number.isNaN(withZone) && time.timeReadEnd > v.tz.start) {
      out.numbers[TIME] = withZone
      return
    }
  }
  const epoch = v.epochtime.present ? time.readEpoch(buf, v.epochtime.start, v.epochtime.end) : Number.NaN
  if (!Number.isNaN(epoch)) out.numbers[TIME] = epoch
  else if (clock.present) out.numbers[TIME] = time.readAnyTime(buf, clock.start, clock.end, zone, now)
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerTime(frame)
}

export default parser

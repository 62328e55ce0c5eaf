/**
 * Blue Coat / Symantec / Broadcom ProxySG and Edge SWG: access log in ELFF by its header, or by the default columns when the
 * header was sent before we listened; the key=value form of collectors; the form that is compatible with Squid's.
 * Format: ProxySG "Access log formats". Times of ELFF are GMT.
 */
import {
  applyElff,
  ELFF_FIELDS,
  FieldTable,
  type Frame,
  find,
  findByte,
  headerTime,
  headHas,
  isAddress,
  isDate,
  isDigit,
  isDirective,
  isPlaceholder,
  KEY_VALUE_SYNTAX,
  looksLikeRow,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  ownsDirective,
  type Parser,
  readCount,
  readDirective,
  rowStart,
  scanKeyValue,
  scanRow,
  setNames,
  skip,
  skipBlanks,
  time,
  tokenEnd,
  W3cState
} from '../src/parse/kit.ts'
import { ACTION_ALLOWED, ACTION_BLOCKED, DOWNLOADED, type RecordFields, SRC_IP, TIME, URL, USER } from '../src/record.ts'

const ID = 'bluecoat-proxysg'
const table = new FieldTable(ELFF_FIELDS)
const { v } = table

/** The format `main` of SGOS 5 and later, and `bcreportermain_v1`: result of the filter in column 7. */
const NEW_MAIN =
  'date time time-taken c-ip cs-username cs-auth-group x-exception-id sc-filter-result cs-categories cs(Referer) sc-status s-action cs-method rs(Content-Type) cs-uri-scheme cs-host cs-uri-port cs-uri-path cs-uri-query cs-uri-extension cs(User-Agent) s-ip sc-bytes cs-bytes x-virus-id'
/** The format `main` before: status in column 4, result of the cache in column 5. */
const OLD_MAIN =
  'date time time-taken c-ip sc-status s-action sc-bytes cs-bytes cs-method cs-uri-scheme cs-host cs-uri-port cs-uri-path cs-uri-query cs-username cs-auth-group s-hierarchy s-supplier-name rs(Content-Type) cs(Referer) cs(User-Agent) sc-filter-result cs-categories x-virus-id s-ip'
const newMain = new W3cState()
setNames(newMain, NEW_MAIN, table)
const oldMain = new W3cState()
setNames(oldMain, OLD_MAIN, table)

const SPLUNK = needle('splunk_format')
const SPLUNK_VERSION = needle('SPLV5')
const CLIENT = needle('c-ip=')
const EVENT_LOG = needle('ProxySG ')
const TCP = needle('TCP_')
const DN_USER = needle(' CN=')
const DIRECT_NOWHERE = needle('DIRECT/- ')
const OWN_RESULTS = ['NC_MISS/', 'TUNNELED/', 'ERR_MISS/', 'PARTIAL_MISS/', 'AUTH_'].map(word => needle(`TCP_${word}`))
const HIERARCHY = [needle(' DIRECT/'), needle(' NONE/'), needle(' DEFAULT_PARENT/'), needle(' SOCKS/')]
/** Column after the time in which a row of the Squid form has its result. */
const RESULT_WORD = 3

const parser: Parser<W3cState> = {
  id: ID,
  appliance: 'Blue Coat ProxySG, Symantec Edge SWG',
  newState: () => new W3cState(),
  recognizes(frame, state) {
    if (isDirective(frame)) return ownsDirective(frame, ID, state)
    if (state !== undefined && looksLikeRow(frame, state)) return true
    const { buf, body, start, end } = frame
    if (isDate(buf, body, end) || isDate(buf, frame.timeStart < 0 ? start : frame.timeStart, end)) {
      if (defaultLayout(frame) !== undefined) return true
    }
    return isSquidRow(frame) || isPairs(frame) || isEventLog(frame)
  },
  parse(frame, out, state) {
    if (isDirective(frame)) {
      readDirective(frame, state, table)
      return skip(out, 'header')
    }
    table.begin(frame)
    if (isEventLog(frame)) return skip(out, 'not_traffic')
    if (isPairs(frame)) return readPairs(frame, state, out)
    if (isSquidRow(frame)) return readSquidRow(frame, out)
    const layout = state.map === undefined ? defaultLayout(frame) : state
    if (layout === undefined) return malformed(out, 'no_header')
    if (!scanRow(frame, rowStart(frame, layout.first), layout, table.values)) return malformed(out, 'short_row')
    if (!v['cs-host'].seen && !v['cs-uri'].seen && !v['r-ip'].seen) return skip(out, 'not_traffic') // an instant messenger's log, say
    applyElff(table, frame, layout, out)
    return 'parsed'
  }
}

/** Columns of a row that came without header: `date time milliseconds address`, then what tells the two formats apart. */
function defaultLayout(frame: Frame): W3cState | undefined {
  const { buf, end } = frame
  let at = rowStart(frame, 'date')
  if (!isDate(buf, at, end)) return undefined
  at = nextWord(buf, nextWord(buf, at, end), end)
  if (!isDigit(buf[at])) return undefined
  const address = nextWord(buf, at, end)
  if (!isAddress(buf, address, end)) return undefined
  const fifth = nextWord(buf, address, end)
  const sixth = nextWord(buf, fifth, end)
  if (isDigit(buf[fifth]) && isDigit(buf[fifth + 2]) && buf[fifth + 3] === 0x20 && matchesAt(buf, sixth, end, TCP)) return oldMain
  const result = nextWord(buf, nextWord(buf, sixth, end), end)
  const word = buf[result]
  return word === 0x4f || word === 0x50 || word === 0x44 ? newMain : undefined // OBSERVED, PROXIED, DENIED
}

const nextWord = (buf: Buffer, at: number, end: number): number => skipBlanks(buf, tokenEnd(buf, at, end), end)

const isPairs = (frame: Frame): boolean => (headHas(frame, SPLUNK) || headHas(frame, SPLUNK_VERSION)) && headHas(frame, CLIENT)

/** The appliance's own events: `ProxySG - - - text` after the header. */
function isEventLog(frame: Frame): boolean {
  const { buf, body, end, appStart } = frame
  return matchesAt(buf, appStart < 0 ? body : appStart, end, EVENT_LOG) && !headHas(frame, CLIENT)
}

function readPairs(frame: Frame, state: W3cState, out: RecordFields): Outcome {
  const { buf, start, end } = frame
  const from = find(buf, start, Math.min(end, start + 300), CLIENT)
  if (scanKeyValue(buf, from, end, table.keys, table.values, KEY_VALUE_SYNTAX) === 0) return malformed(out, 'bad_syntax')
  // the URL of the pairs may be that of a category look-up; host and path are the request's
  v['c-url'].start = -1
  applyElff(table, frame, state, out)
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = frame.timeStart < 0 ? leadingTime(frame) : headerTime(frame)
  return 'parsed'
}

/** A header whose time runs into the host (`2026-01-05T09:15:30proxy.example.com`) when a template lacks the blank. */
function leadingTime(frame: Frame): number {
  const { buf, start, end, zone } = frame
  return isDate(buf, start, end) && buf[start + 10] === 0x54 ? time.readIsoTime(buf, start, start + 19, zone) : Number.NaN
}

/**
 * `epoch.ms elapsed client RESULT/status size METHOD url user hierarchy/server type category agent`. Squid's own log has the
 * same first words: a result that Squid does not have, a distinguished name with blanks for the user, or a denial that names
 * `DIRECT/-` tell ProxySG.
 */
function isSquidRow(frame: Frame): boolean {
  const { buf, body, end } = frame
  if (!isDigit(buf[body]) || !isDigit(buf[body + 9]) || buf[body + 10] !== 0x2e || buf[body + 14] !== 0x20) return false
  const result = nextWord(buf, nextWord(buf, nextWord(buf, body, end), end), end)
  if (!matchesAt(buf, result, end, TCP)) return false
  for (const word of OWN_RESULTS) if (matchesAt(buf, result, end, word)) return true
  const url = nextWord(buf, nextWord(buf, nextWord(buf, result, end), end), end)
  const user = nextWord(buf, url, end)
  if (matchesAt(buf, user - 1, end, DN_USER)) return true
  return matchesAt(buf, nextWord(buf, user, end), end, DIRECT_NOWHERE)
}

/** Offset of the blank before `DIRECT/…`, or -1. */
function hierarchyStart(buf: Buffer, start: number, end: number): number {
  for (const word of HIERARCHY) {
    const at = find(buf, start, Math.min(end, start + 400), word)
    if (at >= 0) return at
  }
  return -1
}

function readSquidRow(frame: Frame, out: RecordFields): Outcome {
  const { buf, body, end } = frame
  out.numbers[TIME] = time.readEpoch(buf, body, body + 14)
  let at = body
  for (let word = 1; word < RESULT_WORD; word++) at = nextWord(buf, at, end)
  out.set(SRC_IP, at, tokenEnd(buf, at, end))
  const result = nextWord(buf, at, end)
  const size = nextWord(buf, result, end)
  out.numbers[DOWNLOADED] = readCount(buf, size, tokenEnd(buf, size, end))
  const url = nextWord(buf, nextWord(buf, size, end), end)
  const urlEnd = tokenEnd(buf, url, end)
  out.set(URL, url, urlEnd)
  const user = skipBlanks(buf, urlEnd, end)
  const hierarchy = hierarchyStart(buf, user - 1, end)
  if (hierarchy < 0) return malformed(out, 'short_row')
  if (!isPlaceholder(buf, user, hierarchy)) out.set(USER, user, hierarchy)
  out.action = resultAction(buf, result, tokenEnd(buf, result, end))
  return 'parsed'
}

const DENIED = needle('DENIED')

function resultAction(buf: Buffer, start: number, end: number): number {
  if (find(buf, start, end, DENIED) >= 0) return ACTION_BLOCKED
  const slash = findByte(buf, start, end, 0x2f)
  return slash < 0 || readCount(buf, slash + 1, end) === 0 ? 0 : ACTION_ALLOWED
}

export default parser

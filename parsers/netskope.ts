/**
 * Netskope: transaction log in ELFF (with and without header), CSV of the same columns, JSON with the same names; and events of
 * the REST API as JSON.
 * Format: Netskope "Transaction Events fields", "REST API v2 events". `cs-bytes` and `client_bytes` are sent by the client; `s-ip`
 * is the server; `userip` is the address inside, `srcip` that of the way out. Times are UTC.
 */
import {
  action,
  CSV,
  composeUrl,
  count,
  epoch,
  FieldTable,
  type Frame,
  headHas,
  headHasAny,
  isAddress,
  isDate,
  isDigit,
  isDirective,
  jsonStart,
  looksLikeRow,
  malformed,
  needle,
  type Outcome,
  oncePerFrame,
  ownsDirective,
  type Parser,
  raw,
  readCount,
  readDirective,
  readRowTime,
  rowStart,
  salvageJson,
  scanDelimited,
  scanJson,
  scanRow,
  setNames,
  setScheme,
  skip,
  text,
  W3cState
} from '../src/parse/kit.ts'
import { type RecordFields, SCHEME_HTTPS, TIME, USER } from '../src/record.ts'

const ID = 'netskope'

/** What says no more than that a person or a rule was told. */
const ACTIONS = action({
  useralert: null,
  alert: 'allowed',
  bypass: 'allowed',
  detection: null,
  quarantine: 'blocked',
  'auth-redirect': null,
  donotdecrypt: null
})

const transaction = new FieldTable({
  date: raw(),
  time: raw(),
  'c-ip': text('srcIp'),
  'cs-username': text('user'),
  'x-cs-hostname': text('device'),
  's-ip': text('dstIp'),
  'cs-host': text('dstHost'),
  'cs-dns': text('dstHost'),
  'cs-uri-port': count('dstPort'),
  'cs-uri-scheme': raw(),
  'cs-uri': raw(),
  'cs-uri-query': raw(),
  'cs-bytes': count('uploadedBytes'),
  'sc-bytes': count('downloadedBytes'),
  bytes: count('totalBytes'),
  'x-type': raw(),
  'x-policy-action': ACTIONS
})
const transactionLevel = transaction.json()

/** First columns of the transaction log, in the order of the format; later ones are not wanted. */
const COLUMNS =
  'date time time-taken cs-bytes sc-bytes bytes c-ip s-ip cs-username cs-method cs-uri-scheme cs-uri-query cs-user-agent cs-content-type sc-status sc-content-type cs-dns cs-host cs-uri cs-uri-port cs-referer x-cs-session-id x-cs-access-method x-cs-app x-s-country x-s-latitude x-s-longitude x-s-location x-s-region x-s-zipcode x-c-country x-c-latitude x-c-longitude x-c-location x-c-region x-c-zipcode x-c-os x-c-browser x-c-browser-version x-c-device x-cs-site x-cs-timestamp x-cs-page-id x-cs-userip x-cs-traffic-type x-cs-tunnel-id x-category x-other-category x-type x-more'
const headless = new W3cState()
setNames(headless, COLUMNS, transaction)
const csvColumns = transaction.columns(COLUMNS.split(' '))

const event = new FieldTable({
  timestamp: epoch(),
  userip: text('srcIp'),
  srcip: text('srcIp'),
  user: text('user'),
  ur_normalized: text('user'),
  hostname: text('device'),
  dstip: text('dstIp'),
  dstport: count('dstPort'),
  dsthost: text('dstHost'),
  domain: text('dstHost'),
  url: text('url'),
  client_bytes: count('uploadedBytes'),
  server_bytes: count('downloadedBytes'),
  numbytes: count('totalBytes'),
  action: ACTIONS,
  protocol: raw(),
  type: raw()
})
const eventLevel = event.json()

const COMMA = 0x2c
const TRANSACTION_KEYS = ['"bytes"', '"x-cs-access-method"', '"x-cs-app"', '"x-cs-traffic-type"', '"x-c-country"'].map(needle)
const SERVER_BYTES = needle('"sc-bytes"')
const ACCESS_METHOD = needle('"access_method"')
const EVENT_KEYS = ['"_id"', '"cci"', '"ccl"', '"appcategory"', '"traffic_type"'].map(needle)

const parser: Parser<W3cState> = {
  id: ID,
  appliance: 'Netskope',
  newState: () => new W3cState(),
  recognizes(frame, state) {
    if (isDirective(frame)) return ownsDirective(frame, ID, state)
    if (frame.buf[frame.body] === 0x7b) return isTransaction(frame) || isEvent(frame)
    return (state !== undefined && looksLikeRow(frame, state)) || separatorOf(frame) > 0
  },
  parse(frame, out, state) {
    if (isDirective(frame)) {
      readDirective(frame, state, transaction)
      return skip(out, 'header')
    }
    if (frame.buf[frame.body] === 0x7b) return isTransaction(frame) ? readTransaction(frame, state, out) : readEvent(frame, out)
    return readRow(frame, state, out)
  }
}

const isTransaction = oncePerFrame(frame => headHasAny(frame, TRANSACTION_KEYS) && headHas(frame, SERVER_BYTES))
const isEvent = (frame: Frame): boolean => headHas(frame, ACCESS_METHOD) && headHasAny(frame, EVENT_KEYS)

/**
 * Separator of a row that came without header, or 0: date, clock, milliseconds or `-`, three counts of which the last is the
 * sum of the others, an address.
 */
function separatorOf(frame: Frame): number {
  const { buf, end } = frame
  const start = rowStart(frame, 'date')
  const separator = buf[start + 10]
  if (!isDate(buf, start, end) || (separator !== 0x20 && separator !== COMMA) || buf[start + 13] !== 0x3a) return 0
  let at = nextColumn(buf, nextColumn(buf, start, end, separator), end, separator)
  if (!isDigit(buf[at]) && buf[at] !== 0x2d) return 0
  let sum = 0
  let last = 0
  for (let column = 0; column < 3; column++) {
    at = nextColumn(buf, at, end, separator)
    last = readCount(buf, at, nextColumn(buf, at, end, separator) - 1)
    if (last < 0) return 0
    sum += last
  }
  at = nextColumn(buf, at, end, separator)
  return sum === last * 2 && isAddress(buf, at, end) ? separator : 0
}

function nextColumn(buf: Buffer, start: number, end: number, separator: number): number {
  let at = start
  while (at < end && buf[at] !== separator) at++
  return at + 1
}

function readRow(frame: Frame, state: W3cState, out: RecordFields): Outcome {
  transaction.begin(frame)
  const { values } = transaction
  const start = rowStart(frame, 'date')
  if (start + 10 < frame.end && frame.buf[start + 10] === COMMA) {
    const columns = scanDelimited(frame.buf, start, frame.end, csvColumns, values, CSV)
    if (columns < csvColumns.length) return malformed(out, 'short_row')
  } else if (!scanRow(frame, start, state.map === undefined ? headless : state, values)) return malformed(out, 'short_row')
  return finishTransaction(frame, state, out)
}

function readTransaction(frame: Frame, state: W3cState, out: RecordFields): Outcome {
  const { buf, end } = frame
  const start = jsonStart(frame)
  transaction.begin(frame)
  if (scanJson(buf, start, end, transactionLevel) < 0) {
    transaction.begin(frame) // the value before the break may have been cut short
    if (salvageJson(buf, start, end, transaction.keys, transaction.values) === 0) return malformed(out, 'bad_syntax')
  }
  return finishTransaction(frame, state, out)
}

function finishTransaction(frame: Frame, state: W3cState, out: RecordFields): Outcome {
  const { v } = transaction
  if (v['x-type'].present && !v['x-type'].is('http_transaction') && !v['x-type'].is('-')) return skip(out, 'not_traffic')
  transaction.apply(frame, out)
  out.numbers[TIME] = readRowTime(frame, state, v.date, v.time, state.zone)
  setScheme(v['cs-uri-scheme'], out)
  composeUrl(v['cs-uri-scheme'], v['cs-host'], v['cs-uri'], v['cs-uri-query'], out)
  dropAddressAsUser(out)
  return 'parsed'
}

/** Clients of an IPsec tunnel are called by their address. */
function dropAddressAsUser(out: RecordFields): void {
  if (out.has(USER) && isDigit(out.buf[out.start[USER]!]) && isAddress(out.buf, out.start[USER]!, out.end[USER]!)) out.clear(USER)
}

function readEvent(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  const start = jsonStart(frame)
  const { v } = event
  event.begin(frame)
  const broken = scanJson(buf, start, end, eventLevel) < 0
  if (broken) {
    event.begin(frame)
    if (salvageJson(buf, start, end, event.keys, event.values) === 0) return malformed(out, 'bad_syntax')
  }
  if (!broken && !v.userip.seen && !v.srcip.seen) return skip(out, 'not_traffic') // an incident, an audit entry
  event.apply(frame, out)
  if (v.protocol.startsWith('HTTPS') || v.protocol.startsWith('https')) out.scheme = SCHEME_HTTPS
  return 'parsed'
}

export default parser

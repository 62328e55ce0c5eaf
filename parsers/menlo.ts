/**
 * Menlo Security: web log as JSON, one event an object, bare or wrapped in `{"event":{…}}`; CEF by syslog.
 * Format: Menlo "Logging API", web events. Times are UTC without saying so. The web log has no byte counts; the bandwidth log has.
 */
import {
  action,
  CefHeader,
  cefIs,
  cefStart,
  count,
  FieldTable,
  type Frame,
  find,
  headerTime,
  headHasAny,
  jsonInner,
  malformed,
  needle,
  type Outcome,
  type Parser,
  raw,
  readCefHeader,
  salvageJson,
  scanCefExtension,
  scanJson,
  setScheme,
  skip,
  text,
  time
} from '../src/parse/kit.ts'
import { type RecordFields, TIME } from '../src/record.ts'

/** An isolated page is delivered; `proxy_event` reports a failed TLS set-up and decides nothing. */
const ACTIONS = action({ ssl_exception: 'allowed', proxy_event: null, isolate_read_only: 'allowed', warn: null })

const table = new FieldTable({
  event_time: raw(),
  rt: raw(),
  end: raw(),
  'x-client-ip': text('srcIp'),
  src: text('srcIp'),
  userid: text('user'),
  suser: text('user'),
  dst: text('dstIp'),
  dpt: count('dstPort'),
  domain: text('dstHost'),
  dhost: text('dstHost'),
  url: text('url'),
  request: text('url'),
  tx_bytes: count('uploadedBytes'),
  out: count('uploadedBytes'),
  rx_bytes: count('downloadedBytes'),
  in: count('downloadedBytes'),
  pe_action: ACTIONS,
  act: ACTIONS,
  protocol: raw(),
  app: raw()
})
const level = table.json()
const { v } = table
const header = new CefHeader()

const UTC = { name: 'UTC', toUtc: (wallMs: number) => wallMs }
const EVENT = needle('"event"')
const LIKELY_KEYS = [
  '"top_url"',
  '"risk_tally"',
  '"pe_action"',
  '"x-client-ip"',
  '"event_time"',
  '"Menlo Security"',
  '"MSIP"',
  '"pe_reason"'
].map(needle)
const VENDOR = needle('"Menlo Security"')
const PRODUCT = needle('"MSIP"')
/** The vendor's name may stand anywhere in the object; looked for when a key near the start is one of its own. */
const OBJECT_BYTES = 8192

const parser: Parser = {
  id: 'menlo',
  appliance: 'Menlo Security',
  recognizes: frame => (frame.buf[frame.body] === 0x7b ? isOwnObject(frame) : cefIs(frame, 'Menlo Security')),
  parse(frame, out) {
    table.begin(frame)
    return frame.buf[frame.body] === 0x7b ? readObject(frame, out) : readCef(frame, out)
  }
}

function isOwnObject(frame: Frame): boolean {
  if (!headHasAny(frame, LIKELY_KEYS)) return false
  const { buf, body } = frame
  const end = Math.min(frame.end, body + OBJECT_BYTES)
  return find(buf, body, end, VENDOR) >= 0 || find(buf, body, end, PRODUCT) >= 0
}

function readObject(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  const start = jsonInner(frame, EVENT)
  if (scanJson(buf, start, end, level) < 0) {
    table.begin(frame) // the value before the break may have been cut short
    if (salvageJson(buf, start, end, table.keys, table.values) === 0) return malformed(out, 'bad_syntax')
  } else if (!v['x-client-ip'].seen) return skip(out, 'not_traffic') // the audit log
  return complete(frame, out)
}

function readCef(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  const mark = cefStart(frame)
  const extension = mark < 0 ? -1 : readCefHeader(buf, mark, end, header)
  if (extension < 0) return malformed(out, 'bad_syntax')
  scanCefExtension(buf, extension, end, table.keys, table.values)
  return complete(frame, out)
}

function complete(frame: Frame, out: RecordFields): Outcome {
  table.apply(frame, out)
  setScheme(v.protocol, out)
  setScheme(v.app, out)
  const written = v.event_time.present ? v.event_time : v.rt.present ? v.rt : v.end
  out.numbers[TIME] = time.readAnyTime(frame.buf, written.start, written.end, UTC, frame.now)
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerTime(frame)
  return 'parsed'
}

export default parser

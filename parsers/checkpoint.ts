/**
 * Check Point: Log Exporter (syslog, generic, CEF, LEEF), `fw log` text, SmartView exports, `fwm logexport` rows and XML rows.
 * Formats: Log Exporter guide (sk122323), Logging and Monitoring guide.
 *
 * Bytes exist only with accounting on. `client_inbound_bytes` is what the gateway took in from the client, so it is the
 * upload; `server_outbound_bytes` repeats it on the other leg and is never added.
 */
import {
  BACKSLASH,
  CefHeader,
  cefIs,
  cefStart,
  type Frame,
  headerTime,
  headHas,
  isDigit,
  KEY_VALUE_SYNTAX,
  LeefHeader,
  leefIs,
  leefStart,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  type Parser,
  readCefHeader,
  readLeefHeader,
  scanCefExtension,
  scanDelimited,
  scanKeyValue,
  scanLeef,
  skip,
  skipBlanks,
  type Value
} from '../src/parse/kit.ts'
import { type RecordFields, TIME } from '../src/record.ts'
import { BLANKS, type Export, hasSeparators, isHeaderRow, isTrackerRow, readHeaderRow, TRACKER } from './checkpoint/exports.ts'
import { cef, leef, native } from './checkpoint/fields.ts'
import { isFwLog, readFwLog, readNativeTime, scanColonPairs } from './checkpoint/text-log.ts'
import { isXmlRow, scanXml, undoEntities } from './checkpoint/xml.ts'

const cefHeader = new CefHeader()
const leefHeader = new LeefHeader()

const APP = needle('CheckPoint')
const TAG = needle('Checkpoint:')
const BARE_CEF = needle('0|Check Point|')
const ACTION_KEY = needle('[action:"')
const FLAGS_KEY = needle('[flags:"')
const GENERIC_TIME = needle('time=')
const GENERIC_LOGUID = needle('|loguid={')
const PIPES = { ...KEY_VALUE_SYNTAX, separator: 0x7c, quote: 0 }

const parser: Parser<Export> = {
  id: 'checkpoint',
  appliance: 'Check Point',
  newState: () => ({ columns: undefined, syntax: BLANKS }),
  recognizes(frame, state) {
    const { buf, body, end } = frame
    if (frame.appStart >= 0 && matchesAt(buf, frame.appStart, frame.appEnd, APP)) return true
    const first = buf[body]
    if (first === 0x5b || first === 0x73) return headHas(frame, ACTION_KEY) || matchesAt(buf, body, end, FLAGS_KEY)
    if (cefIs(frame, 'Check Point') || cefIs(frame, '', 'VPN-1 & FireWall-1') || leefIs(frame, 'Check Point')) return true
    if (first === 0x43 && matchesAt(buf, body, end, TAG)) return true
    if (first === 0x30 && matchesAt(buf, body, end, BARE_CEF)) return true
    if (first === 0x74 && matchesAt(buf, body, end, GENERIC_TIME)) return headHas(frame, GENERIC_LOGUID)
    if (isDigit(first) && isFwLog(frame)) return true
    if (frame.pri >= 0 || frame.timeStart >= 0) return false
    if (isHeaderRow(frame) || isTrackerRow(buf, body, end)) return true
    if (first === 0x3c) return isXmlRow(frame)
    return state?.columns !== undefined && hasSeparators(frame, state.syntax.separator)
  },
  parse(frame, out, state) {
    const { buf, body, end } = frame
    const first = buf[body]
    if (cefStart(frame) >= 0) return parseCef(frame, cefStart(frame), out)
    if (leefStart(frame) >= 0) return parseLeef(frame, out)
    if (first === 0x30 && matchesAt(buf, body, end, BARE_CEF)) return parseCef(frame, body - CEF_MARK_BYTES, out)
    const log = matchesAt(buf, body, end, TAG) ? skipBlanks(buf, body + TAG.length, end) : body
    native.begin(frame)
    let exported = false
    if (first === 0x5b || (first === 0x73 && buf[body + 6] === 0x5b)) {
      const open = first === 0x5b ? body : body + 6
      if (scanColonPairs(buf, open + 1, end) === 0) return malformed(out, 'bad_syntax')
    } else if (first === 0x74 && matchesAt(buf, body, end, GENERIC_TIME)) {
      scanKeyValue(buf, body, end, native.keys, native.values, PIPES)
      native.v.resource.escape = BACKSLASH // the exporter puts a backslash before "=" and "|"
    } else if (first === 0x3c) {
      exported = true
      scanXml(buf, body, end)
    } else if (isHeaderRow(frame)) {
      readHeaderRow(frame, state)
      return skip(out, 'header')
    } else if (log > body || (isDigit(first) && isFwLog(frame))) {
      if (!readFwLog(frame, log)) return malformed(out, 'bad_syntax')
    } else if (state.columns !== undefined || first === 0x22) {
      exported = true
      const columns = state.columns ?? TRACKER
      if (scanDelimited(buf, body, end, columns, native.values, state.syntax) < Math.min(columns.length, 12))
        return malformed(out, 'short_row')
    } else return malformed(out, 'bad_syntax')
    const { v } = native
    if (exported ? !isExportedTraffic(v.product, v.action) : !isTraffic(v.product, v.service, v.action)) return skip(out, 'not_traffic')
    native.apply(frame, out)
    readNativeTime(frame, out)
    if (first === 0x3c) undoEntities(out)
    return finish(v.proto, v.src, v.dst, frame, out)
  }
}

const CEF_MARK_BYTES = 4

function parseCef(frame: Frame, mark: number, out: RecordFields): Outcome {
  cef.begin(frame)
  const extension = readCefHeader(frame.buf, mark, frame.end, cefHeader)
  if (extension < 0) return malformed(out, 'bad_syntax')
  scanCefExtension(frame.buf, extension, frame.end, cef.keys, cef.values)
  const { v } = cef
  if (!v.product.present) v.product.set(cefHeader.starts[2]!, cefHeader.ends[2]!, 0)
  if (!isTraffic(v.product, v.dpt, v.act)) return skip(out, 'not_traffic')
  cef.apply(frame, out)
  return finish(v.proto, v.src, v.dst, frame, out)
}

function parseLeef(frame: Frame, out: RecordFields): Outcome {
  leef.begin(frame)
  if (!readLeefHeader(frame.buf, leefStart(frame), frame.end, leefHeader)) return malformed(out, 'bad_syntax')
  scanLeef(frame.buf, leefHeader.pairs, frame.end, leefHeader.delimiter, leef.keys, leef.values)
  const { v } = leef
  if (!v.product.present) v.product.set(leefHeader.starts[2]!, leefHeader.ends[2]!, 0)
  if (!isTraffic(v.product, v.service, v.action)) return skip(out, 'not_traffic')
  leef.apply(frame, out)
  return finish(v.proto, v.src, v.dst, frame, out)
}

function finish(proto: Value, src: Value, dst: Value, frame: Frame, out: RecordFields): Outcome {
  if (!src.present || !dst.present) return skip(out, 'not_traffic')
  if (proto.present && !proto.is('6') && !proto.is('17') && !proto.is('tcp') && !proto.is('udp') && !proto.is('TCP') && !proto.is('UDP'))
    return skip(out, 'not_tcp_udp')
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerTime(frame)
  return 'parsed'
}

/** The firewall blade's words for an exchange of VPN keys. */
const isKeyInstall = (done: Value): boolean => done.is('Key Install') || done.is('keyinst')

/** The blades that log sessions. A line that lost its product (cut by UDP) counts when it names a service. */
function isTraffic(product: Value, service: Value, done: Value): boolean {
  if (isKeyInstall(done)) return false
  if (!product.present) return service.present
  return (
    product.endsWith('FireWall-1') || product.is('URL Filtering') || product.is('Application Control') || product.is('HTTPS Inspection')
  )
}

const OTHER_BLADES = [
  'Smart',
  'Identity',
  'System',
  'Endpoint',
  'Mobile',
  'WEB_API',
  'Log Update',
  'IPS',
  'Anti',
  'Threat',
  'New Anti',
  'DLP'
]

/** Exports merge blades (`Multi-product`), so there the blades that repeat sessions, or log none, are named instead. */
function isExportedTraffic(product: Value, done: Value): boolean {
  if (isKeyInstall(done)) return false
  for (const blade of OTHER_BLADES) if (product.startsWith(blade)) return false
  return true
}

export default parser

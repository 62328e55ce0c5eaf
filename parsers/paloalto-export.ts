/**
 * Palo Alto Networks PAN-OS and Panorama: logs exported as CSV from the web interface (Monitor, Logs, Export to CSV) and reports
 * in the layout that Cloud Discovery shows as its sample for the PA series. The header row names the columns; their number and
 * order follow the view. Sent is client to server. Kept apart from the syslog forms, whose frames need no state.
 */
import {
  action,
  type ColumnMap,
  CSV,
  count,
  FieldTable,
  type Frame,
  headHas,
  isDigit,
  isOtherTransport,
  isoTime,
  malformed,
  needle,
  type Outcome,
  type Parser,
  raw,
  scanDelimited,
  setScheme,
  skip,
  text
} from '../src/parse/kit.ts'
import { PHASE_END, PHASE_START, type RecordFields } from '../src/record.ts'

interface State {
  /** Columns of the header row, once it was seen. */
  columns: ColumnMap | undefined
}

/** Column titles in lower case; releases differ in a few of them. */
const table = new FieldTable({
  'generate time': isoTime(),
  'time generated': isoTime(),
  'receive time': isoTime(),
  type: raw(),
  'threat/content type': raw(),
  subtype: raw(),
  'source address': text('srcIp'),
  source: text('srcIp'),
  'destination address': text('dstIp'),
  destination: text('dstIp'),
  'source user': text('user'),
  'destination port': count('dstPort'),
  'ip protocol': raw(),
  application: raw(),
  url: text('url'),
  'url/filename': text('url'),
  action: action({
    override: 'allowed',
    'drop icmp': 'blocked',
    'reset both': 'blocked',
    'reset client': 'blocked',
    'reset server': 'blocked'
  }),
  bytes: count('totalBytes'),
  'bytes sent': count('uploadedBytes'),
  'bytes received': count('downloadedBytes')
})

const GENERATE_TIME = needle('Generate Time')
const RECEIVE_TIME = needle('Receive Time')
const SOURCE_ADDRESS = needle('Source address')
/** A title row is not longer than this. */
const HEADER_MAX_BYTES = 8192

const parser: Parser<State> = {
  id: 'paloalto-export',
  appliance: 'Palo Alto Networks web export',
  newState: () => ({ columns: undefined }),
  recognizes: (frame, state) => isHeader(frame) || (state?.columns !== undefined && isRow(frame)),
  parse(frame, out, state) {
    if (isHeader(frame)) {
      const titles = frame.buf.toString('utf8', frame.body, Math.min(frame.end, frame.body + HEADER_MAX_BYTES))
      state.columns = table.columns(titles.split(',').map(title => title.replaceAll('"', '').trim().toLowerCase()))
      return skip(out, 'header')
    }
    if (state.columns === undefined) return malformed(out, 'no_header')
    return parseRow(frame, state.columns, out)
  }
}

/** The first word is a title: letters, blanks and `#` up to a comma. */
function isHeader(frame: Frame): boolean {
  const { buf, body, end } = frame
  let at = buf[body] === 0x22 ? body + 1 : body
  if (at >= end || (buf[at]! | 0x20) < 0x61 || (buf[at]! | 0x20) > 0x7a) return false
  for (const last = Math.min(end, at + 24); at < last && buf[at] !== 0x2c; at++) {
    const byte = buf[at]! | 0x20
    if (!((byte >= 0x61 && byte <= 0x7a) || byte === 0x20 || byte === 0x22 || byte === 0x23 || byte === 0x2f)) return false
  }
  return buf[at] === 0x2c && headHas(frame, SOURCE_ADDRESS) && (headHas(frame, GENERATE_TIME) || headHas(frame, RECEIVE_TIME))
}

/** A row of a file that had the header row: no syslog header, and a date or number, quoted or not, before the first comma. */
function isRow(frame: Frame): boolean {
  const { buf, body, end } = frame
  if (frame.pri >= 0) return false
  const at = buf[body] === 0x22 ? body + 1 : body
  if (!isDigit(buf[at]) && buf[at] !== 0x2c) return false
  for (let p = at; p < Math.min(end, at + 24); p++) if (buf[p] === 0x2c) return true
  return false
}

function parseRow(frame: Frame, columns: ColumnMap, out: RecordFields): Outcome {
  table.begin(frame)
  if (scanDelimited(frame.buf, frame.body, frame.end, columns, table.values, CSV) < columns.length) return malformed(out, 'short_row')
  const { v } = table
  const subtype = v.subtype.present ? v.subtype : v['threat/content type']
  if (v.type.is('THREAT')) {
    if (!subtype.is('url')) return skip(out, 'repeats_session')
  } else if (v.type.present && !v.type.is('TRAFFIC')) return skip(out, 'not_traffic')
  if (isOtherTransport(v['ip protocol'])) return skip(out, 'not_tcp_udp')
  table.apply(frame, out)
  if (subtype.is('start')) out.phase = PHASE_START
  else if (subtype.is('end')) out.phase = PHASE_END
  setScheme(v.application, out)
  return 'parsed'
}

export default parser

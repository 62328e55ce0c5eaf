/**
 * Cato Networks: events feed as JSON, or CEF made of it. Security events are transactions; they carry no byte counts.
 * Format: Cato "Events feed", field names of the events API. `time` is the epoch in ms.
 */
import {
  action,
  anyTime,
  CefHeader,
  cefIs,
  cefStart,
  count,
  FieldTable,
  type Frame,
  headerTime,
  headHas,
  headHasAny,
  isOtherTransport,
  jsonStart,
  malformed,
  needle,
  type Outcome,
  type Parser,
  raw,
  readCefHeader,
  salvageJson,
  scanCefExtension,
  scanJson,
  skip,
  text
} from '../src/parse/kit.ts'
import { type RecordFields, TIME, USER } from '../src/record.ts'

const ACTIONS = action({ prompt: null, succeeded: null, 'tls inspection': null, bypass: 'allowed', inspect: 'allowed' })

const table = new FieldTable({
  time: anyTime(),
  rt: anyTime(),
  event_timestamp: anyTime(),
  event_time: anyTime(),
  time_str: anyTime(),
  src_ip: text('srcIp'),
  src: text('srcIp'),
  vpn_user_email: text('user'),
  user_name: text('user'),
  ad_name: text('user'),
  suser: text('user'),
  device_name: text('device'),
  configured_host_name: text('device'),
  shost: text('device'),
  dest_ip: text('dstIp'),
  dst: text('dstIp'),
  dest_port: count('dstPort'),
  dpt: count('dstPort'),
  domain_name: text('dstHost'),
  dhost: text('dstHost'),
  full_path_url: text('url'),
  url: text('url'),
  request: text('url'),
  action: ACTIONS,
  act: ACTIONS,
  event_type: raw(),
  event_sub_type: raw(),
  traffic_direction: raw(),
  ip_protocol: raw(),
  proto: raw()
})
const level = table.json()
const { v } = table
const header = new CefHeader()

const ACCOUNT = needle('"account_id"')
const OWN_KEYS = ['"event_sub_type"', '"event_count"', '"ISP_name"', '"internalId"', '"app_stack"', '"pop_name"', '"cato_app"'].map(needle)
const UNMAPPED = 'unmapped user'

const parser: Parser = {
  id: 'cato',
  appliance: 'Cato Networks',
  recognizes(frame) {
    if (frame.buf[frame.body] !== 0x7b) return cefIs(frame, 'CatoNetworks') || cefIs(frame, 'Cato Networks')
    return headHas(frame, ACCOUNT) && headHasAny(frame, OWN_KEYS)
  },
  parse(frame, out) {
    table.begin(frame)
    return frame.buf[frame.body] === 0x7b ? readObject(frame, out) : readCef(frame, out)
  }
}

function readObject(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  const start = jsonStart(frame)
  if (scanJson(buf, start, end, level) < 0) {
    table.begin(frame) // the value before the break may have been cut short
    if (salvageJson(buf, start, end, table.keys, table.values) === 0) return malformed(out, 'bad_syntax')
  }
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
  if (v.event_type.present && !v.event_type.is('Security')) return skip(out, 'not_traffic')
  if (v.traffic_direction.is('INBOUND')) return skip(out, 'inbound')
  if (isOtherTransport(v.ip_protocol) || isOtherTransport(v.proto)) return skip(out, 'not_tcp_udp')
  // scans and signatures without a host repeat what the firewall reports
  if (v.event_sub_type.is('IPS') && !v.domain_name.present && !v.url.present && !v.full_path_url.present) return skip(out, 'not_traffic')
  table.apply(frame, out)
  if (v.ad_name.is(UNMAPPED) && out.has(USER) && out.start[USER] === v.ad_name.start) out.clear(USER)
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerTime(frame)
  return 'parsed'
}

export default parser

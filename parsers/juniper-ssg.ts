/**
 * Juniper SSG and NetScreen (ScreenOS): traffic messages, event 00257. Format: ScreenOS Message Log Reference Guide.
 * Keys and values hold blanks (`src zone=`, `service=msrpc Endpoint Mapper(tcp)`), so a value ends where a known key begins.
 * `sent` is client to server.
 */
import {
  action,
  count,
  type Frame,
  headFind,
  headHas,
  isOtherTransport,
  keyValueParser,
  needle,
  raw,
  skip,
  text,
  time,
  type Value
} from '../src/parse/kit.ts'
import { type RecordFields, TIME } from '../src/record.ts'

const DEVICE_ID = needle('NetScreen device_id=')
const TRAFFIC = needle('-00257(traffic): ')

export default keyValueParser({
  id: 'juniper-ssg',
  appliance: 'Juniper SSG and NetScreen',
  recognizes: frame => headHas(frame, DEVICE_ID),
  // a line that is no traffic message has no pair worth reading, but is one of ours all the same
  start: frame => {
    const at = headFind(frame, TRAFFIC)
    return at < 0 ? frame.body : at + TRAFFIC.length
  },
  knownKeys: true,
  fields: {
    'NetScreen device_id': raw(),
    start_time: raw(),
    duration: raw(),
    policy_id: raw(),
    service: raw(),
    proto: raw(),
    'src zone': raw(),
    'dst zone': raw(),
    action: action({ tunnel: 'allowed' }),
    sent: count('uploadedBytes'),
    rcvd: count('downloadedBytes'),
    src: text('srcIp'),
    dst: text('dstIp'),
    src_port: raw(),
    dst_port: count('dstPort'),
    'src-xlated ip': raw(),
    'dst-xlated ip': raw(),
    port: raw(),
    'icmp type': raw(),
    session_id: raw(),
    reason: raw()
  },
  finish(v, out, frame) {
    if (!headHas(frame, TRAFFIC)) return skip(out, 'not_traffic')
    if (isOtherTransport(v.proto)) return skip(out, 'not_tcp_udp')
    readEnd(v.start_time, v.duration, frame, out)
    return 'parsed'
  }
})

/** Start plus duration in seconds. Relays put a backslash before the quotes. */
function readEnd(start: Value, duration: Value, frame: Frame, out: RecordFields): void {
  if (!start.present) return
  let from = start.start
  while (from < start.end && (frame.buf[from] === 0x5c || frame.buf[from] === 0x22)) from++
  const began = time.readIsoTime(frame.buf, from, start.end, frame.zone)
  out.numbers[TIME] = began + Math.max(duration.count(), 0) * 1000
}

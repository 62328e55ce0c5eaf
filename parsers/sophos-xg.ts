/**
 * Sophos Firewall (XG, SFOS 15 and later), Cyberoam hardware with SFOS included: device standard format and central reporting
 * format. Format: SFOS log file guide. Sent is client to server. `timezone` is an abbreviation, an offset or nothing useful;
 * an ambiguous one (`IST`) leaves the clock to the source's zone.
 */
import {
  action,
  count,
  dateAndClock,
  headHas,
  isOtherTransport,
  isoTime,
  keyValueParser,
  matchesAt,
  needle,
  type Outcome,
  raw,
  skip,
  text,
  type Value
} from '../src/parse/kit.ts'
import { PHASE_END, PHASE_INTERIM, PHASE_START, type RecordFields, TIME } from '../src/record.ts'

const STARTS = ['device="SFW"', 'device_name="', 'timestamp="'].map(needle)
const COMPONENT = needle(' log_component="')
const LOG_ID = needle('log_id=')

export default keyValueParser({
  id: 'sophos-xg',
  appliance: 'Sophos Firewall (XG)',
  recognizes(frame) {
    const { buf, body, end } = frame
    const first = buf[body]
    if (first !== 0x64 && first !== 0x74) return false
    return STARTS.some(start => matchesAt(buf, body, end, start)) && headHas(frame, COMPONENT) && headHas(frame, LOG_ID)
  },
  fields: {
    timestamp: isoTime(),
    date: raw(),
    time: raw(),
    timezone: raw(),
    log_type: raw(),
    log_component: raw(),
    log_subtype: action({ warned: 'allowed', 'do not decrypt': 'allowed', decrypt: 'allowed', overridden: 'allowed' }),
    status: action(),
    connevent: raw(),
    con_event: raw(),
    user_name: text('user'),
    user: text('user'),
    src_ip: text('srcIp'),
    dst_ip: text('dstIp'),
    dst_port: count('dstPort'),
    protocol: raw(),
    url: text('url'),
    domain: text('dstHost'),
    sni: text('dstHost'),
    sent_bytes: count('uploadedBytes'),
    bytes_sent: count('uploadedBytes'),
    recv_bytes: count('downloadedBytes'),
    bytes_received: count('downloadedBytes')
  },
  finish(v, out, frame) {
    const refused = refuse(v.log_type, v.log_component, v.connevent.present ? v.connevent : v.con_event, out)
    if (refused !== undefined) return refused
    if (isOtherTransport(v.protocol)) return skip(out, 'not_tcp_udp')
    if (!v.timestamp.present) out.numbers[TIME] = dateAndClock(v.date, v.time, v.timezone, frame)
    return 'parsed'
  }
})

function refuse(type: Value, component: Value, event: Value, out: RecordFields): Outcome | undefined {
  if (type.is('Firewall')) {
    if (component.is('Appliance Access') || component.is('Local ACL')) return skip(out, 'appliance_itself')
    if (!component.is('Firewall Rule')) return skip(out, 'not_traffic')
    if (event.is('Start')) out.phase = PHASE_START
    else if (event.is('Interim')) out.phase = PHASE_INTERIM
    else if (event.is('Stop')) out.phase = PHASE_END
    return undefined
  }
  const web = component.is('HTTP') || component.is('HTTPS') || component.is('Application') || component.is('SSL')
  return type.is('Content Filtering') && web ? undefined : skip(out, 'not_traffic')
}

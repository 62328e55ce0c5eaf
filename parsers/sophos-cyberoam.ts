/**
 * Cyberoam (CyberoamOS 10). Format: Cyberoam log guide. The date of an allowed connection is its start, and `duration` in
 * seconds gives the end. `sent_bytes` is client to server; `url` has no scheme. Cyberoam hardware with SFOS writes the Sophos
 * Firewall format, which is another parser.
 */
import {
  action,
  count,
  dateAndClock,
  headHas,
  isOtherTransport,
  keyValueParser,
  matchesAt,
  needle,
  raw,
  skip,
  text
} from '../src/parse/kit.ts'
import { PHASE_END, PHASE_INTERIM, PHASE_START, TIME } from '../src/record.ts'

const DATE = needle('date=')
const COMPONENT = needle(' log_component="')
const LOG_ID = needle(' log_id=')

export default keyValueParser({
  id: 'sophos-cyberoam',
  appliance: 'Sophos Cyberoam',
  recognizes: frame => matchesAt(frame.buf, frame.body, frame.end, DATE) && headHas(frame, COMPONENT) && headHas(frame, LOG_ID),
  fields: {
    date: raw(),
    time: raw(),
    timezone: raw(),
    duration: raw(),
    log_type: raw(),
    log_component: raw(),
    log_subtype: action({ warned: 'allowed' }),
    status: action(),
    connevent: raw(),
    user_name: text('user'),
    src_ip: text('srcIp'),
    dst_ip: text('dstIp'),
    dst_port: count('dstPort'),
    protocol: raw(),
    url: text('url'),
    domain: text('dstHost'),
    sent_bytes: count('uploadedBytes'),
    recv_bytes: count('downloadedBytes')
  },
  finish(v, out, frame) {
    if (v.log_type.is('Firewall')) {
      if (v.log_component.is('Appliance Access') || v.log_component.is('Local ACL')) return skip(out, 'appliance_itself')
      if (!v.log_component.is('Firewall Rule')) return skip(out, 'not_traffic')
      if (v.connevent.is('Start')) out.phase = PHASE_START
      else if (v.connevent.is('Interim')) out.phase = PHASE_INTERIM
      else if (v.connevent.is('Stop')) out.phase = PHASE_END
    } else if (!v.log_type.is('Content Filtering')) return skip(out, 'not_traffic')
    if (isOtherTransport(v.protocol)) return skip(out, 'not_tcp_udp')
    out.numbers[TIME] = dateAndClock(v.date, v.time, v.timezone, frame) + Math.max(v.duration.count(), 0) * 1000
    return 'parsed'
  }
})

/**
 * Sophos UTM 9 and SG: web proxy (`httpproxy`) and packet filter (`ulogd`). Format: UTM log file reference. The time is in the
 * syslog header, in the box's own form `2026:01:12-08:30:04`, local. `size` is the response; there is no upload count.
 */
import {
  action,
  afterTag,
  count,
  find,
  headerOrArrivalTime,
  isDigit,
  isOtherTransport,
  keyValueParser,
  matchesAt,
  needle,
  raw,
  skip,
  text
} from '../src/parse/kit.ts'
import { TIME } from '../src/record.ts'

const ID = needle('id="')
const SEVERITY = needle('" severity="')
const SYSTEM = needle(' sys="')

export default keyValueParser({
  id: 'sophos-utm',
  appliance: 'Sophos UTM',
  recognizes(frame) {
    const { buf, end } = frame
    const at = afterTag(frame)
    if (!matchesAt(buf, at, end, ID) || !isDigit(buf[at + 4])) return false
    return matchesAt(buf, at + 8, end, SEVERITY) && find(buf, at + 8, Math.min(end, at + 100), SYSTEM) > 0
  },
  start: afterTag,
  fields: {
    sub: raw(),
    action: action({ warn: 'allowed', log: null }),
    srcip: text('srcIp'),
    dstip: text('dstIp'),
    dstport: count('dstPort'),
    proto: raw(),
    user: text('user'),
    size: count('downloadedBytes'),
    url: text('url')
  },
  finish(v, out, frame) {
    const web = v.sub.is('http')
    if (web ? !v.url.present : !v.sub.is('packetfilter')) return skip(out, 'not_traffic')
    if (isOtherTransport(v.proto)) return skip(out, 'not_tcp_udp')
    out.numbers[TIME] = headerOrArrivalTime(frame)
    return 'parsed'
  }
})

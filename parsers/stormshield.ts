/**
 * Stormshield Network Security (SNS, Netasq): WELF-like syslog. Format: SNS "Description of audit logs". `sent` is client to
 * server. `logtype` is the last key, so a line cut by UDP has none and is judged by what it holds.
 */
import {
  action,
  count,
  type Frame,
  headHas,
  isDigit,
  isOtherTransport,
  keyValueParser,
  matchesAt,
  needle,
  raw,
  setScheme,
  setText,
  skip,
  text,
  time,
  UTC,
  type Value
} from '../src/parse/kit.ts'
import { ACTION_ABSENT, ACTION_ALLOWED, DST_HOST, type RecordFields, TIME } from '../src/record.ts'

const ID = needle('id=firewall time=')
const TIME_KEY = needle('time=')
const START_TIME = needle(' startime=')
/** The clock as it stands; its zone is in another field. */
/** `2026-01-12` without the clock: a relay stripped the quotes, so the clock is the next word. */
const DATE_BYTES = 10

export default keyValueParser({
  id: 'stormshield',
  appliance: 'Stormshield Network Security',
  recognizes(frame) {
    const { buf, body, end } = frame
    if (!matchesAt(buf, body, end, ID) && !matchesAt(buf, body, end, TIME_KEY)) return false
    return headHas(frame, START_TIME)
  },
  fields: {
    time: raw(),
    tz: raw(),
    logtype: raw(),
    ipproto: raw(),
    proto: raw(),
    src: text('srcIp'),
    user: text('user'),
    dst: text('dstIp'),
    dstport: count('dstPort'),
    dstname: raw(),
    arg: text('url'),
    sent: count('uploadedBytes'),
    rcvd: count('downloadedBytes'),
    action: action()
  },
  finish(v, out, frame) {
    const { logtype } = v
    const traffic = logtype.is('connection') || logtype.is('plugin') || logtype.is('web') || logtype.is('filter')
    if (!traffic && (logtype.present || !v.sent.present)) return skip(out, 'not_traffic')
    if (isOtherTransport(v.ipproto)) return skip(out, 'not_tcp_udp')
    readTime(v.time, v.tz, frame, out)
    if (isDomain(v.dstname)) setText(v.dstname, DST_HOST, out)
    setScheme(v.proto, out)
    // what was blocked says so
    if (out.action === ACTION_ABSENT) out.action = ACTION_ALLOWED
    return 'parsed'
  }
})

function readTime(clock: Value, offset: Value, frame: Frame, out: RecordFields): void {
  if (!clock.present) return
  const { buf } = frame
  const end = clock.end - clock.start === DATE_BYTES ? Math.min(frame.end, clock.end + 9) : clock.end
  const wall = time.readIsoTime(buf, clock.start, end, UTC)
  out.numbers[TIME] = offset.present ? time.withOffset(buf, offset.start, offset.end, wall, frame.zone) : frame.zone.toUtc(wall)
}

/** `dstname` is a DNS name or the name of an object (`host_203.0.113.1`, `Firewall_out`): a domain ends in letters after a dot. */
function isDomain(name: Value): boolean {
  if (!name.present) return false
  const { buf } = name.line
  const last = buf[name.end - 1]!
  let dot = name.end - 1
  while (dot > name.start && buf[dot] !== 0x2e) dot--
  return dot > name.start && dot < name.end - 2 && !isDigit(last)
}

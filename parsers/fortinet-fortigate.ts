/**
 * Fortinet FortiGate, FortiOS 5 and later: traffic and UTM logs in key=value form, CSV mode included (commas between pairs).
 * Format: FortiOS Log Message Reference. `sent` is client to server. Long sessions report running totals every few minutes
 * (logid 0000000020) together with deltas; the deltas are what is new, so they win where they are.
 */
import {
  action,
  count,
  epoch,
  FieldTable,
  find,
  KEY_VALUE_SYNTAX,
  malformed,
  needle,
  type Outcome,
  type Parser,
  raw,
  scanKeyValue,
  skip,
  text,
  time
} from '../src/parse/kit.ts'
import { type RecordFields, SCHEME_HTTP, SCHEME_HTTPS, TIME } from '../src/record.ts'

const LOGID = needle('logid=')
const DEVID = needle('devid="FG')
const TYPE = needle('type=')
const SUBTYPE = needle('subtype=')

const table = new FieldTable({
  eventtime: epoch(),
  date: raw(),
  time: raw(),
  tz: raw(),
  type: raw(),
  subtype: raw(),
  logid: raw(),
  srcip: text('srcIp'),
  srcname: text('device'),
  user: text('user'),
  unauthuser: text('user'),
  dstip: text('dstIp'),
  dstport: count('dstPort'),
  proto: raw(),
  service: raw(),
  hostname: text('dstHost'),
  url: text('url'),
  sentdelta: count('uploadedBytes'),
  rcvddelta: count('downloadedBytes'),
  sentbyte: count('uploadedBytes'),
  rcvdbyte: count('downloadedBytes'),
  action: action({
    close: 'allowed',
    timeout: 'allowed',
    'client-rst': 'allowed',
    'server-rst': 'allowed',
    'ip-conn': 'allowed',
    dns: 'allowed',
    start: 'allowed',
    exempt: 'allowed',
    log: 'allowed'
  })
})

const BLANKS = KEY_VALUE_SYNTAX
const COMMAS = { ...KEY_VALUE_SYNTAX, separator: 0x2c }

const parser: Parser = {
  id: 'fortinet-fortigate',
  appliance: 'Fortinet FortiGate',
  recognizes(frame) {
    const head = Math.min(frame.end, frame.start + 300)
    const { buf, start } = frame
    const type = find(buf, start, head, TYPE)
    return (
      type >= 0 && find(buf, type + 5, head, SUBTYPE) >= 0 && (find(buf, start, head, LOGID) >= 0 || find(buf, start, head, DEVID) >= 0)
    )
  },
  parse(frame, out) {
    table.begin(frame)
    const { buf, body, end } = frame
    const wanted = scanKeyValue(buf, body, end, table.keys, table.values, separatedByCommas(buf, body, end) ? COMMAS : BLANKS)
    if (wanted === 0) return malformed(out, 'bad_syntax')
    const { v } = table
    if (!isTransaction()) return skip(out, v.subtype.is('local') ? 'appliance_itself' : 'not_traffic')
    if (v.proto.present && !v.proto.is('6') && !v.proto.is('17')) return skip(out, 'not_tcp_udp')
    table.apply(frame, out)
    if (Number.isNaN(out.numbers[TIME])) readDateAndTime(frame.zone, out)
    if (v.service.is('HTTPS')) out.scheme = SCHEME_HTTPS
    else if (v.service.is('HTTP')) out.scheme = SCHEME_HTTP
    return 'parsed'
  }
}

/** In CSV mode the byte after the first value is a comma. */
function separatedByCommas(buf: Buffer, start: number, end: number): boolean {
  const last = Math.min(end, start + 64)
  for (let at = start; at < last; at++) {
    if (buf[at] === 0x2c) return true
    if (buf[at] === 0x20 || buf[at] === 0x22) return false
  }
  return false
}

function isTransaction(): boolean {
  const { type, subtype } = table.v
  if (type.is('traffic')) return !subtype.is('local')
  return type.is('utm') && (subtype.is('webfilter') || subtype.is('app-ctrl') || subtype.is('ssl'))
}

/** `date` and `time` are the firewall's local clock; `tz` (`-0500`, or `UTC-5:00`) says its offset when it is there. */
function readDateAndTime(zone: Parameters<Parser['parse']>[0]['zone'], out: RecordFields): Outcome | undefined {
  const { date, time: clock, tz } = table.v
  if (!clock.present || date.end - date.start !== 10) return undefined
  const wall = time.readIsoTime(Buffer.from(`${date.text()} ${clock.text()}`), 0, 11 + clock.end - clock.start, {
    name: 'wall',
    toUtc: wallMs => wallMs
  })
  const offset = /^(?:UTC)?([+-])(\d{1,2}):?(\d{2})?$/.exec(tz.text())
  if (offset === null) out.numbers[TIME] = zone.toUtc(wall)
  else out.numbers[TIME] = wall - (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3] ?? 0)) * 60_000
  return undefined
}

export default parser

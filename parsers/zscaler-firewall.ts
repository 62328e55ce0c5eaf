/**
 * Zscaler Internet Access, firewall log, from an NSS virtual machine or pushed by Cloud NSS: JSON (an event in an envelope, or
 * flat with the names of CEF), CEF, and quoted CSV in the default order.
 * Format: Zscaler help, "NSS Feed Output Format: Firewall Logs". `inbytes` is server to client. The server is `sdip` (after
 * destination NAT); when it was never reached that is zero, and `cdip`, which the client asked for, stands for it. The port is
 * the one that the client asked for.
 */
import {
  action,
  CefHeader,
  CSV,
  cefIs,
  cefStart,
  count,
  decodePercent,
  FieldTable,
  type Frame,
  find,
  findByte,
  headerTime,
  headText,
  isDigit,
  isOtherTransport,
  isPlaceholder,
  jsonInner,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  type Parser,
  raw,
  readCefHeader,
  salvageJson,
  scanCefExtension,
  scanDelimited,
  scanJson,
  skip,
  text,
  time,
  type Value
} from '../src/parse/kit.ts'
import { ACTION_ALLOWED, ACTION_BLOCKED, ACTION_UNKNOWN, type RecordFields, TIME, USER } from '../src/record.ts'

const ACTIONS = action({ outofrange: null })

const table = new FieldTable({
  datetime: raw(),
  time: raw(),
  TimeGenerated: raw(),
  epochtime: raw(),
  tz: raw(),
  rt: raw(),
  csip: text('srcIp'),
  src: text('srcIp'),
  user: text('user'),
  login: text('user'),
  elogin: text('user'),
  suser: text('user'),
  devicehostname: text('device'),
  sdip: text('dstIp'),
  destinationTranslatedAddress: text('dstIp'),
  cdip: text('dstIp'),
  dst: text('dstIp'),
  cdport: count('dstPort'),
  dpt: count('dstPort'),
  cdfqdn: text('dstHost'),
  outbytes: count('uploadedBytes'),
  out: count('uploadedBytes'),
  inbytes: count('downloadedBytes'),
  in: count('downloadedBytes'),
  in_bytes: count('downloadedBytes'),
  action: ACTIONS,
  act: ACTIONS,
  proto: raw(),
  product: raw(),
  dns_req: raw()
})
const level = table.json()
const { v } = table

/** Order of the CSV feed (Zscaler help, "NSS Feed Output Format: Firewall Logs", default). */
const COLUMNS = table.columns(
  'datetime user department location cdport csport sdport ssport csip cdip ssip sdip tsip tunsport tuntype action dnat stateful aggregate nwsvc nwapp proto ipcat destcountry avgduration rulelabel inbytes outbytes duration durationms numsessions ipsrulelabel threatcat threatname deviceowner devicehostname'.split(
    ' '
  )
)
const COLUMNS_MIN = 28

const QUOTE = 0x22
const SOURCETYPE = needle('"sourcetype"')
const EVENT = needle('"event"')
const ZSCALER = needle('zscaler')
const FIREWALL = needle('-fw"')
const VENDOR = needle('"vendor"')
const VENDOR_NAME = needle('Zscaler"')
const PRODUCT = needle('"product"')
const PRODUCT_NAME = needle('NSSFWlog')

const parser: Parser = {
  id: 'zscaler-firewall',
  appliance: 'Zscaler Internet Access firewall log (NSS, Cloud NSS)',
  recognizes(frame) {
    const first = frame.buf[frame.body]
    if (first === 0x7b || first === 0x5b) return isFirewallObject(frame)
    if (first === QUOTE) return isFirewallRow(frame)
    return cefIs(frame, 'Zscaler', 'NSSFWlog')
  },
  parse(frame, out) {
    table.begin(frame)
    const first = frame.buf[frame.body]
    if (first === 0x7b || first === 0x5b) return readJson(frame, out)
    if (first === QUOTE) {
      if (scanDelimited(frame.buf, frame.body, frame.end, COLUMNS, table.values, CSV) < COLUMNS_MIN) return malformed(out, 'short_row')
      return complete(frame, out)
    }
    return readCef(frame, out)
  }
}

/** By its sourcetype; a flat object with names of CEF may lack that, then by vendor and product. */
function isFirewallObject(frame: Frame): boolean {
  const { buf, end } = frame
  const sourcetype = headText(frame, SOURCETYPE)
  if (sourcetype >= 0)
    return matchesAt(buf, sourcetype, end, ZSCALER) && find(buf, sourcetype, Math.min(end, sourcetype + 24), FIREWALL) > 0
  return matchesAt(buf, headText(frame, VENDOR), end, VENDOR_NAME) && matchesAt(buf, headText(frame, PRODUCT), end, PRODUCT_NAME)
}

/** `"Mon Jun 20 15:29:11 2022","user","department","location","port"`: the fifth column of the web log's rows is a decision. */
function isFirewallRow(frame: Frame): boolean {
  const { buf, body, end } = frame
  if (body + 25 >= end || buf[body + 4] !== 0x20 || buf[body + 25] !== QUOTE || buf[body + 17] !== 0x3a) return false
  let at = body
  for (let column = 0; column < 4; column++) {
    at = findByte(buf, at + 1, Math.min(end, body + 4096), QUOTE)
    if (at < 0 || buf[at + 1] !== 0x2c || buf[at + 2] !== QUOTE) return false
    at += 2
  }
  return isDigit(buf[at + 1])
}

function readJson(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  const start = jsonInner(frame, EVENT)
  if (scanJson(buf, start, end, level) < 0) {
    table.begin(frame) // the value before the break may have been cut short
    salvageJson(buf, start, end, table.keys, table.values)
    if (!table.values.some(value => value.present)) return malformed(out, 'bad_syntax')
  }
  return complete(frame, out)
}

const header = new CefHeader()

function readCef(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  const mark = cefStart(frame)
  const extension = mark < 0 ? -1 : readCefHeader(buf, mark, end, header)
  if (extension < 0) return malformed(out, 'bad_syntax')
  scanCefExtension(buf, extension, end, table.keys, table.values, table.layouts.cef)
  return complete(frame, out)
}

function complete(frame: Frame, out: RecordFields): Outcome {
  // name service records come under the firewall's type as well
  if (v.dns_req.seen || (v.product.present && !v.product.startsWith('NSSFW') && !v.product.is('NSS'))) return skip(out, 'not_traffic')
  if (isOtherTransport(v.proto)) return skip(out, 'not_tcp_udp')
  if ((v.csip.seen || v.src.seen) && !isSet(v.csip) && !isSet(v.src) && !isSet(v.sdip) && !isSet(v.cdip) && !isSet(v.dst) && !hasBytes())
    return skip(out, 'not_traffic')
  table.apply(frame, out)
  readTime(frame, out)
  readAction(out)
  if (out.has(USER) && findByte(out.buf, out.start[USER]!, out.end[USER]!, 0x25) >= 0) out.setText(USER, decodePercent(out.text(USER)!))
  return 'parsed'
}

/** A record of zeros only says nothing; one with bytes lacks its addresses by a privacy setting. */
const hasBytes = (): boolean => table.v.outbytes.count() > 0 || table.v.inbytes.count() > 0

/** Privacy settings and connections that were never made leave addresses of zero. */
const isSet = (value: Value): boolean => value.present && !isPlaceholder(value.line.buf, value.start, value.end)

/** The decision may be a sentence: `Allow due to insufficient app data`, `Block ICMP`, `Reset by IPS`. */
function readAction(out: RecordFields): void {
  if (out.action !== ACTION_UNKNOWN) return
  const value = v.action.present ? v.action : v.act
  if (value.startsWith('Allow')) out.action = ACTION_ALLOWED
  else if (value.startsWith('Block') || value.startsWith('Drop') || value.startsWith('Reset')) out.action = ACTION_BLOCKED
}

const WALL = { name: 'wall', toUtc: (wallMs: number) => wallMs }

/** A clock with a zone that is understood, else the epoch, else the clock in the source's zone, else the syslog header's time. */
function readTime(frame: Frame, out: RecordFields): void {
  const { buf, zone, now } = frame
  const clock = v.datetime.present ? v.datetime : v.time.present ? v.time : v.TimeGenerated.present ? v.TimeGenerated : v.rt
  if (clock.present && v.tz.present && buf[clock.end - 1] !== 0x5a) {
    const wall = time.readAnyTime(buf, clock.start, clock.end, WALL, now)
    const withZone = time.withOffset(buf, v.tz.start, v.tz.end, wall, zone)
    if (!Number.isNaN(withZone) && time.timeReadEnd > v.tz.start) {
      out.numbers[TIME] = withZone
      return
    }
  }
  const epoch = v.epochtime.present ? time.readEpoch(buf, v.epochtime.start, v.epochtime.end) : Number.NaN
  if (!Number.isNaN(epoch)) out.numbers[TIME] = epoch
  else if (clock.present) out.numbers[TIME] = time.readAnyTime(buf, clock.start, clock.end, zone, now)
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerTime(frame)
}

export default parser

/**
 * ArcSight Common Event Format of a product that has no parser of its own.
 * Format: "ArcSight Common Event Format (CEF) Implementation Standard", key names short and long. `in` and `out` follow the
 * products, not the text of the standard: `out` is client to server, `in` server to client.
 */
import {
  action,
  anyTime,
  cefParser,
  cefStart,
  count,
  type Frame,
  headerTime,
  isDigit,
  isOtherTransport,
  printedZone,
  productSignature,
  raw,
  setScheme,
  skip,
  text,
  time,
  type Value
} from '../src/parse/kit.ts'
import { type RecordFields, TIME } from '../src/record.ts'

export default cefParser({
  id: 'generic-cef',
  appliance: 'Any product that writes CEF',
  generic: true,
  signature: frame => productSignature(frame, cefStart(frame)),
  recognizes(frame) {
    const mark = cefStart(frame)
    if (mark < 0) return false
    const version = frame.buf[mark + 4] === 0x20 ? mark + 5 : mark + 4
    return isDigit(frame.buf[version])
  },
  fields: {
    rt: anyTime(),
    deviceReceiptTime: anyTime(),
    end: anyTime(),
    endTime: anyTime(),
    start: anyTime(),
    startTime: anyTime(),
    dtz: raw(),
    src: text('srcIp'),
    sourceAddress: text('srcIp'),
    c6a2: raw(),
    c6a3: raw(),
    suser: text('user'),
    sourceUserName: text('user'),
    shost: text('device'),
    sourceHostName: text('device'),
    dst: text('dstIp'),
    destinationAddress: text('dstIp'),
    dpt: count('dstPort'),
    destinationPort: count('dstPort'),
    dhost: text('dstHost'),
    destinationHostName: text('dstHost'),
    request: text('url'),
    requestURL: text('url'),
    requestUrl: text('url'),
    out: count('uploadedBytes'),
    bytesOut: count('uploadedBytes'),
    in: count('downloadedBytes'),
    bytesIn: count('downloadedBytes'),
    totalBytes: count('totalBytes'),
    act: action({ close: 'allowed', alerted: null, detected: null }),
    deviceAction: action({ close: 'allowed', alerted: null, detected: null }),
    app: raw(),
    proto: raw(),
    transportProtocol: raw(),
    deviceDirection: raw(),
    'cef.product': raw()
  },
  finish(v, out, frame) {
    const from = v.src.present || v.sourceAddress.present || v.c6a2.present
    const to =
      v.dst.present ||
      v.dpt.present || // a server whose address was left out: a transaction all the same
      v.destinationPort.present ||
      v.dhost.present ||
      v.request.present ||
      v.destinationAddress.present ||
      v.destinationHostName.present ||
      v.requestURL.present ||
      v.requestUrl.present ||
      v.c6a3.present
    if (!from || !to) return skip(out, 'not_traffic')
    if (v.deviceDirection.is('0') || guardsServers(v['cef.product'])) return skip(out, 'inbound')
    if (isOtherTransport(v.proto) || isOtherTransport(v.transportProtocol)) return skip(out, 'not_tcp_udp')
    setScheme(v.app, out)
    if (v.dtz.present) readInDeviceZone(v.rt.present ? v.rt : v.end.present ? v.end : v.start, v.dtz, frame, out)
    if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerTime(frame)
    // RFC 3164 section 4.3.2: a syslog packet without a time has that of its reception
    if (Number.isNaN(out.numbers[TIME]) && frame.pri >= 0) out.numbers[TIME] = frame.now
    return 'parsed'
  }
})

/** Web application firewalls report requests to the company's own servers. */
function guardsServers(product: Value): boolean {
  return product.is('ASM') || product.is('SecureSphere') || product.is('Web Application Firewall')
}

/** `dtz` is the zone of times that are written without one: an IANA name, an abbreviation or an offset. */
function readInDeviceZone(value: Value, zone: Value, frame: Frame, out: RecordFields): void {
  if (value.present) out.numbers[TIME] = time.readAnyTime(frame.buf, value.start, value.end, printedZone(zone, frame.zone), frame.now)
}

/**
 * IBM Log Event Extended Format 1.0 and 2.0 of a product that has no parser of its own.
 * Format: "IBM QRadar Log Event Extended Format (LEEF)", predefined attributes. `src` is the client; `srcBytes` are sent by it.
 */
import {
  action,
  anyTime,
  count,
  headerTime,
  isDigit,
  isOtherTransport,
  LeefHeader,
  leefParser,
  leefStart,
  malformed,
  productSignature,
  raw,
  readLeefHeader,
  setScheme,
  skip,
  text
} from '../src/parse/kit.ts'
import { ACTION_ALLOWED, ACTION_BLOCKED, TIME } from '../src/record.ts'

const header = new LeefHeader()

export default leefParser({
  id: 'generic-leef',
  appliance: 'Any product that writes LEEF',
  generic: true,
  signature: frame => productSignature(frame, leefStart(frame)),
  recognizes(frame) {
    const mark = leefStart(frame)
    return mark >= 0 && isDigit(frame.buf[mark + 5])
  },
  fields: {
    devTime: anyTime(),
    src: text('srcIp'),
    usrName: text('user'),
    identHostName: text('device'),
    srcHostName: text('device'),
    dst: text('dstIp'),
    dstPort: count('dstPort'),
    hostname: text('dstHost'),
    dstHostName: text('dstHost'),
    url: text('url'),
    srcBytes: count('uploadedBytes'),
    dstBytes: count('downloadedBytes'),
    totalBytes: count('totalBytes'),
    action: action({ close: 'allowed', alerted: null, detected: null }),
    act: action({ close: 'allowed', alerted: null, detected: null }),
    cat: raw(),
    proto: raw(),
    appproto: raw()
  },
  finish(v, out, frame) {
    // between blanks, keys can not be told from the words of a value
    if (readLeefHeader(frame.buf, leefStart(frame), frame.end, header) && header.delimiter === 0x20) return malformed(out, 'bad_syntax')
    if (!v.src.present || !(v.dst.present || v.url.present || v.hostname.present || v.dstHostName.present)) return skip(out, 'not_traffic')
    if (isOtherTransport(v.proto)) return skip(out, 'not_tcp_udp')
    // a category is a decision only where products put it there
    if (out.action === 0 && (v.cat.is('Allowed') || v.cat.is('allowed'))) out.action = ACTION_ALLOWED
    if (out.action === 0 && (v.cat.is('Blocked') || v.cat.is('blocked'))) out.action = ACTION_BLOCKED
    setScheme(v.proto, out)
    setScheme(v.appproto, out)
    if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerTime(frame)
    // RFC 3164 section 4.3.2: a syslog packet without a time has that of its reception
    if (Number.isNaN(out.numbers[TIME]) && frame.pri >= 0) out.numbers[TIME] = frame.now
    return 'parsed'
  }
})

/**
 * Clavister cOS Core: classic `[time] EFW: CATEGORY: …` syslog and the newer form in brackets. Format: cOS Core Log Reference.
 * `origsent` is client to server. The newer form prints rounded counts (`4.52 K`); they are estimates, with K as 1024.
 * A `request_url` has counts so far that the later `conn_close` repeats, so it gives the URL and no volume.
 */
import {
  action,
  count,
  type Frame,
  find,
  headerOrArrivalTime,
  headFind,
  isDigit,
  isOtherTransport,
  keyValueParser,
  matchesAt,
  needle,
  raw,
  skip,
  skipBlanks,
  text,
  time,
  type Value
} from '../src/parse/kit.ts'
import { ACTION_ALLOWED, DOWNLOADED, PHASE_END, PHASE_START, type RecordFields, TIME, UPLOADED } from '../src/record.ts'

const EFW = needle('] EFW: ')
const ID = needle('id=')
const EVENT = needle(' event=')

export default keyValueParser({
  id: 'clavister',
  appliance: 'Clavister cOS Core',
  recognizes(frame) {
    const { buf, body, end } = frame
    if (buf[body] === 0x5b) return find(buf, body, Math.min(end, body + 48), EFW) > 0
    if (!matchesAt(buf, body, end, ID) || !isDigit(buf[body + ID.length])) return false
    let at = body + ID.length
    while (at < end && isDigit(buf[at])) at++
    return matchesAt(buf, at, end, EVENT)
  },
  start(frame) {
    const efw = frame.buf[frame.body] === 0x5b ? headFind(frame, EFW) : -1
    return efw < 0 ? frame.body : efw + EFW.length
  },
  fields: {
    event: raw(),
    action: action({ close: null, open: null }),
    connipproto: raw(),
    connsrcip: text('srcIp'),
    conndestip: text('dstIp'),
    conndestport: count('dstPort'),
    url: text('url'),
    origsent: raw(),
    termsent: raw()
  },
  finish(v, out, frame) {
    const open = v.event.startsWith('conn_open')
    const close = v.event.startsWith('conn_close')
    if (!open && !close && !v.event.is('request_url')) return skip(out, 'not_traffic')
    if (isOtherTransport(v.connipproto)) return skip(out, 'not_tcp_udp')
    readTime(frame, out)
    if (open || close) {
      out.phase = open ? PHASE_START : PHASE_END
      out.action = ACTION_ALLOWED
    }
    if (!close) return 'parsed'
    out.numbers[UPLOADED] = readAmount(v.origsent, frame)
    out.numbers[DOWNLOADED] = readAmount(v.termsent, frame)
    return 'parsed'
  }
})

/** `[2026-01-12 08:30:04]`, the box's local time, or the header's. */
function readTime(frame: Frame, out: RecordFields): void {
  const { buf, body, end } = frame
  const bracket = buf[body] === 0x5b ? time.readIsoTime(buf, body + 1, Math.min(end, body + 20), frame.zone) : Number.NaN
  out.numbers[TIME] = Number.isNaN(bracket) ? headerOrArrivalTime(frame) : bracket
}

/** `1106`, `52.0` or `4.52 K` as bytes, rounded; -1 when it is no number. */
function readAmount(value: Value, frame: Frame): number {
  if (!value.present) return -1
  const { buf } = frame
  let at = value.start
  let amount = 0
  let digits = 0
  while (at < value.end && isDigit(buf[at])) {
    amount = amount * 10 + buf[at++]! - 0x30
    digits++
  }
  if (digits === 0 || digits > 15) return -1
  if (buf[at] === 0x2e) {
    at++
    for (let unit = 0.1; at < value.end && isDigit(buf[at]); unit /= 10) amount += (buf[at++]! - 0x30) * unit
  }
  if (at !== value.end) return -1
  return Math.round(amount * unitOf(buf, skipBlanks(buf, at, frame.end), frame.end))
}

/** The unit is the next word: one letter. */
function unitOf(buf: Buffer, at: number, end: number): number {
  if (at + 1 < end && buf[at + 1] !== 0x20 && buf[at + 1] !== 0x5d) return 1
  if (buf[at] === 0x4b) return 1024
  if (buf[at] === 0x4d) return 1024 * 1024
  return buf[at] === 0x47 ? 1024 * 1024 * 1024 : 1
}

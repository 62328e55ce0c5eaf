/**
 * Cisco Meraki MX and MR: `urls`, `flows`, `firewall`, `ip_flow_start` and `ip_flow_end` messages. Format: Meraki documentation,
 * "Syslog Event Types and Log Samples". There are no bytes and no users.
 *
 *   [header] [1 ]EPOCH.nanoseconds HOST urls src=IP:port dst=IP:port mac=… [agent='…'] request: METHOD url
 *   [header] [1 ]EPOCH.nanoseconds HOST flows [allow|deny ]src=IP dst=IP [mac=…] protocol=… [sport=… dport=…] [pattern: decision …]
 *
 * The decision of a pattern is `allow`, `deny`, or in older firmware 0 for allowed and 1 for denied.
 */
import {
  count,
  FieldTable,
  type Frame,
  find,
  findLastByte,
  isDigit,
  isOtherTransport,
  KEY_VALUE_SYNTAX,
  KeyTable,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  type Parser,
  raw,
  readCount,
  scanKeyValue,
  setText,
  skip,
  skipBlanks,
  time,
  tokenEnd
} from '../src/parse/kit.ts'
import {
  ACTION_ALLOWED,
  ACTION_BLOCKED,
  DST_IP,
  DST_PORT,
  PHASE_END,
  PHASE_START,
  type RecordFields,
  SRC_IP,
  TIME,
  URL
} from '../src/record.ts'

const TYPES = new KeyTable(
  'urls ip_flow_end ip_flow_start flows firewall vpn_firewall cellular_firewall events airmarshal_events security_event ids-alerts'.split(
    ' '
  )
)
const URLS = 0
const FLOW_END = 1
const FLOW_START = 2
const LAST_FLOW = 6

const table = new FieldTable({
  src: raw(),
  dst: raw(),
  protocol: raw(),
  dport: count('dstPort')
})

/** Agents stand in single quotes, and may hold more of them; all that is wanted stands before. */
const SYNTAX = { ...KEY_VALUE_SYNTAX, quote: 0x27 }
const REQUEST = needle(' request: ')
const PATTERN = needle(' pattern: ')
const GROUP_POLICY = needle('Group Policy ')
const ALLOW = needle('allow')
const DENY = needle('deny')
const COLON = 0x3a

/** Offsets of the message at hand. */
const message = { epoch: 0, epochEnd: 0, type: 0, text: 0 }

const parser: Parser = {
  id: 'cisco-meraki',
  appliance: 'Cisco Meraki',
  recognizes: frame => readMessage(frame) && message.type >= 0,
  parse(frame, out) {
    if (!readMessage(frame)) return malformed(out, 'bad_syntax')
    const { type } = message
    if (type < 0 || type > LAST_FLOW) return skip(out, 'not_traffic')
    return type === URLS ? parseUrls(frame, out) : parseFlow(frame, out)
  }
}

/** Reads epoch, host and type, the epoch perhaps in the syslog header. False when no epoch with a fraction stands there. */
function readMessage(frame: Frame): boolean {
  const { buf, body, end, timeStart, timeEnd } = frame
  let at = body
  if (timeStart >= 0 && buf[timeStart + 10] === 0x2e && isDigit(buf[timeStart + 9])) {
    message.epoch = timeStart
    message.epochEnd = timeEnd
  } else {
    if (buf[at] === 0x31 && buf[at + 1] === 0x20) at += 2
    message.epoch = at
    while (isDigit(buf[at])) at++
    if (at - message.epoch < 9 || at - message.epoch > 10 || buf[at] !== 0x2e || !isDigit(buf[at + 1])) return false
    message.epochEnd = tokenEnd(buf, at, end)
    const host = skipBlanks(buf, message.epochEnd, end)
    at = skipBlanks(buf, tokenEnd(buf, host, end), end)
  }
  const typeEnd = tokenEnd(buf, at, Math.min(end, at + 32))
  message.type = TYPES.indexOf(buf, at, typeEnd)
  message.text = typeEnd
  return true
}

function parseUrls(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  const request = lastRequest(buf, message.text, end)
  if (request < 0) return malformed(out, 'bad_syntax')
  scanAndSetTime(frame, request, out)
  const { src, dst } = table.v
  if (!src.seen || !dst.seen) return malformed(out, 'bad_syntax')
  const srcColon = findLastByte(buf, src.start, src.end, COLON)
  const dstColon = findLastByte(buf, dst.start, dst.end, COLON)
  if (srcColon < 0 || dstColon < 0) return malformed(out, 'bad_syntax')
  out.set(SRC_IP, src.start, srcColon)
  out.set(DST_IP, dst.start, dstColon)
  out.numbers[DST_PORT] = readCount(buf, dstColon + 1, dst.end)
  const method = request + REQUEST.length
  const url = skipBlanks(buf, tokenEnd(buf, method, end), end)
  out.set(URL, url, tokenEnd(buf, url, end))
  out.action = ACTION_ALLOWED
  return 'parsed'
}

/** An agent's text may hold the mark as well, and comes before it; a URL has no blanks, so that the last mark is the appliance's. */
function lastRequest(buf: Buffer, start: number, end: number): number {
  let last = -1
  for (let at = find(buf, start, end, REQUEST); at >= 0; at = find(buf, at + 1, end, REQUEST)) last = at
  return last
}

function parseFlow(frame: Frame, out: RecordFields): Outcome {
  const { buf, end } = frame
  const pattern = find(buf, message.text, end, PATTERN)
  scanAndSetTime(frame, pattern < 0 ? end : pattern, out)
  const { src, dst, protocol } = table.v
  if (isOtherTransport(protocol)) return skip(out, 'not_tcp_udp')
  table.apply(frame, out)
  setText(src, SRC_IP, out)
  setText(dst, DST_IP, out)
  if (message.type === FLOW_START) out.phase = PHASE_START
  else if (message.type === FLOW_END) out.phase = PHASE_END
  else out.action = decision(buf, skipBlanks(buf, message.text, end), pattern, end)
  return 'parsed'
}

function scanAndSetTime(frame: Frame, end: number, out: RecordFields): void {
  table.begin(frame)
  scanKeyValue(frame.buf, message.text, end, table.keys, table.values, SYNTAX)
  out.numbers[TIME] = time.readEpoch(frame.buf, message.epoch, message.epochEnd)
}

/** A word before the pairs, else the pattern's first word; 0 when neither decides. */
function decision(buf: Uint8Array, word: number, pattern: number, end: number): number {
  if (startsWith(buf, word, end, ALLOW)) return ACTION_ALLOWED
  if (startsWith(buf, word, end, DENY)) return ACTION_BLOCKED
  if (pattern < 0) return 0
  let at = pattern + PATTERN.length
  if (matchesAt(buf, at, end, GROUP_POLICY)) at += GROUP_POLICY.length
  if (startsWith(buf, at, end, ALLOW)) return ACTION_ALLOWED
  if (startsWith(buf, at, end, DENY)) return ACTION_BLOCKED
  if (isDigit(buf[at + 1])) return 0
  return buf[at] === 0x30 ? ACTION_ALLOWED : buf[at] === 0x31 ? ACTION_BLOCKED : 0
}

/** True when the lower-case word stands at `at`, in any case. */
function startsWith(buf: Uint8Array, at: number, end: number, word: Uint8Array): boolean {
  if (at + word.length > end) return false
  for (let i = 0; i < word.length; i++) if ((buf[at + i]! | 0x20) !== word[i]) return false
  return true
}

export default parser

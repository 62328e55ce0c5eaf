/**
 * Hot path: once per line of a Cisco firewall. Messages of the engine under ASA, PIX, FWSM and Firepower Threat Defense about
 * connections (Cisco "ASA Series Syslog Messages"); A and B are `interface:address/port`, interface names may hold blanks.
 *
 *   302013/15  Built inbound|outbound TCP connection ID for A (mapped)[(user)] to B (mapped)[(user)] [(user)]
 *   302014/16  Teardown TCP connection ID for A[(user)] to B[(user)] duration H:MM:SS bytes N [reason] [(user)]
 *   302303     Built TCP state-bypass connection ID from A (mapped) to B (mapped)
 *   302304     Teardown TCP state-bypass connection ID from A to B duration H:MM:SS, bytes N [reason]
 *   106023     Deny tcp src A[(user)] dst B[(user)] by access-group …
 *   106100     access-list NAME permitted|denied|est-allowed tcp IF/ADDRESS(PORT)[(user)] -> IF/ADDRESS(PORT) hit-cnt N first hit|…
 *   106001/06/07  … denied|inbound UDP from ADDRESS/PORT to ADDRESS/PORT …
 *   304001/02  [user@]ADDRESS[(user)] Accessed [JAVA ]URL [user@]ADDRESS:URL · Access denied URL URL SRC ADDRESS DEST ADDRESS
 *
 * A teardown does not say who began. ASA names the interface of lower security first, so the client is the second address of
 * an outbound connection; what the Built line said is remembered where the ports do not say the same.
 */
import type { Frame, Outcome } from '../../contracts.ts'
import { find, findByte, findLastByte, isDigit, matchesAt, needle, readCount, readDigits } from '../../lib/bytes.ts'
import {
  ACTION_ALLOWED,
  ACTION_BLOCKED,
  DST_IP,
  DST_PORT,
  PHASE_END,
  PHASE_INTERIM,
  PHASE_START,
  type RecordFields,
  SRC_IP,
  TOTAL,
  URL,
  USER
} from '../../record.ts'
import type { MalformedReason, SkipReason } from '../kit.ts'
import { Endpoint, hashRange, NEAR_BYTES, readAddress, readEndpoint, readListed } from './asa-endpoint.ts'

/** Connections whose direction the ports do not tell, by a hash of id and endpoints. Bounded: a newer one takes the place of an older. */
export class AsaDirections {
  #slots: Int32Array | undefined

  /** Remembers which endpoint of the connection is the client. */
  note(hash: number, check: number, clientIsSecond: boolean): void {
    this.#slots ??= new Int32Array(SLOTS)
    this.#slots[hash & (SLOTS - 1)] = (check & ~1) | 2 | (clientIsSecond ? 1 : 0)
  }

  /** 0 when the first endpoint is the client, 1 when the second is, -1 when the connection is not known. */
  find(hash: number, check: number): number {
    if (this.#slots === undefined) return -1
    const slot = this.#slots[hash & (SLOTS - 1)]!
    return ((slot ^ check) & ~3) === 0 && slot !== 0 ? slot & 1 : -1
  }
}

const SLOTS = 1 << 15
const FIRST = 0
const SECOND = 1
const UNKNOWN = -1

/** What a message is read by, beside the frame. */
export interface AsaRule {
  /** Connections that were begun; undefined for a product whose lines need none. */
  directions: AsaDirections | undefined
  /** The initiator stands first when the ports do not tell (FWSM). */
  initiatorFirst: boolean
}

const first = new Endpoint()
const second = new Endpoint()

const CONNECTION = needle(' connection ')
const FOR = needle(' for ')
const FROM = needle(' from ')
const TO = needle(' to ')
const SRC = needle(' src ')
const DST = needle(' dst ')
const BYTES = needle(' bytes ')
const OUTBOUND = needle('Built outbound ')
const ARROW = needle(' -> ')
const PERMITTED = needle(' permitted ')
const DENIED = needle(' denied ')
const EST_ALLOWED = needle(' est-allowed ')
const FIRST_HIT = needle('first hit')
const ACCESSED = needle(' Accessed ')
const JAVA = needle('JAVA ')
const URL_WORD = needle('URL ')
const DENIED_URL = needle('Access denied URL ')
const DEST = needle(' DEST ')
const SRC_WORD = needle(' SRC ')
/** Where the text of the last message number starts; set by `readAsaId`. */
export let asaTextStart = 0

/**
 * Message number of `%ASA-6-302013: `, `%ASA-session-5-106100: ` or, without colon, `%FTD-4-750003 `; `at` is after the product
 * and its dash. -1 when there is none.
 */
export function readAsaId(buf: Uint8Array, at: number, end: number): number {
  let p = at
  if (!isDigit(buf[p])) {
    while (p < end && p - at < 16 && buf[p] !== 0x2d) p++
    p++
  }
  const id = isDigit(buf[p]) && buf[p + 1] === 0x2d && p + 8 <= end ? readDigits(buf, p + 2, 6) : -1
  p += 8
  if (buf[p] === 0x3a) p++
  while (p < end && buf[p] === 0x20) p++
  asaTextStart = p
  return id
}

/** Reads the message with this number whose text starts at `at`. The caller sets the time. */
export function readAsaMessage(frame: Frame, id: number, at: number, out: RecordFields, rule: AsaRule): Outcome {
  switch (id) {
    case 302014:
    case 302016:
      return teardown(frame, at, out, rule)
    case 302013:
    case 302015:
      return built(frame, at, out, rule)
    case 302304:
      return bypassTeardown(frame, at, out)
    case 302303:
      return bypassBuilt(frame, at, out)
    case 106023:
      return denied(frame, at, out)
    case 106100:
      return accessList(frame, at, out)
    case 106001:
    case 106006:
    case 106007:
      return inboundDenied(frame, at, out)
    case 304001:
      return accessed(frame, at, out)
    case 304002:
      return accessDenied(frame, at, out)
    case 302020:
    case 302021:
    case 106014:
    case 313001:
      return skipped(out, 'not_tcp_udp')
  }
  return id < 0 ? broken(out) : skipped(out, 'not_traffic')
}

function skipped(out: RecordFields, reason: SkipReason): Outcome {
  out.reason = reason
  return 'skipped'
}

function broken(out: RecordFields, reason: MalformedReason = 'bad_syntax'): Outcome {
  out.reason = reason
  return 'malformed'
}

/** Ports that are services although they are not below 1024. */
const SERVICE_PORTS = new Set([
  1080, 1194, 1433, 1521, 1723, 1935, 2049, 3128, 3268, 3269, 3306, 3389, 3478, 4500, 5060, 5061, 5222, 5223, 5228, 5432, 5938, 6379, 8000,
  8008, 8080, 8081, 8443, 8888, 9100, 9200, 9443
])

/** Which endpoint is the client by the one well-known port. */
function clientByPort(): number {
  const a = first.port
  const b = second.port
  if (a < 0 || b < 0) return UNKNOWN
  if (a < 1024 !== b < 1024) return a < 1024 ? SECOND : FIRST
  if (a < 1024) return UNKNOWN
  const aIsService = SERVICE_PORTS.has(a)
  return aIsService === SERVICE_PORTS.has(b) ? UNKNOWN : aIsService ? SECOND : FIRST
}

/** Reads `connection ID for A to B` at or after `at`; returns the offset after B, or -1. */
function readConnection(buf: Uint8Array, at: number, end: number, before: Uint8Array): number {
  const word = find(buf, at, Math.min(end, at + 64), CONNECTION)
  if (word < 0) return -1
  const idStart = word + CONNECTION.length
  let p = idStart
  while (p < end && isDigit(buf[p])) p++
  if (p === idStart || !matchesAt(buf, p, end, before)) return -1
  connectionHash = hashRange(buf, idStart, p, 0x811c9dc5)
  p = readEndpoint(buf, p + before.length, end, first)
  if (p < 0 || !matchesAt(buf, p, end, TO)) return -1
  return readEndpoint(buf, p + TO.length, end, second)
}

let connectionHash = 0
const slotHash = (): number => (Math.imul(connectionHash, 31) + Math.imul(first.hash, 17) + second.hash) | 0
const checkHash = (): number => (Math.imul(first.hash, 0x5bd1e995) ^ Math.imul(second.hash, 31) ^ connectionHash) | 0

function built(frame: Frame, at: number, out: RecordFields, rule: AsaRule): Outcome {
  const { buf, end } = frame
  const after = readConnection(buf, at, end, FOR)
  if (after < 0) return broken(out)
  const byPort = clientByPort()
  let client = matchesAt(buf, at, end, OUTBOUND) ? SECOND : FIRST
  if (rule.initiatorFirst) client = byPort === UNKNOWN ? FIRST : byPort
  if (byPort !== client) rule.directions?.note(slotHash(), checkHash(), client === SECOND)
  return connection(buf, after, end, client, PHASE_START, out)
}

function teardown(frame: Frame, at: number, out: RecordFields, rule: AsaRule): Outcome {
  const { buf, end } = frame
  const after = readConnection(buf, at, end, FOR)
  if (after < 0) return broken(out)
  let client = rule.directions === undefined ? UNKNOWN : rule.directions.find(slotHash(), checkHash())
  if (client < 0) client = clientByPort()
  if (client < 0 && rule.initiatorFirst) client = FIRST
  if (client < 0) client = clientByAddress(buf)
  if (client < 0) return skipped(out, 'unknown_direction')
  return connection(buf, after, end, client, PHASE_END, out)
}

function bypassBuilt(frame: Frame, at: number, out: RecordFields): Outcome {
  const after = readConnection(frame.buf, at, frame.end, FROM)
  return after < 0 ? broken(out) : connection(frame.buf, after, frame.end, FIRST, PHASE_START, out)
}

function bypassTeardown(frame: Frame, at: number, out: RecordFields): Outcome {
  const after = readConnection(frame.buf, at, frame.end, FROM)
  return after < 0 ? broken(out) : connection(frame.buf, after, frame.end, FIRST, PHASE_END, out)
}

function connection(buf: Buffer, after: number, end: number, client: number, phase: number, out: RecordFields): Outcome {
  out.phase = phase
  setEndpoints(client === SECOND ? second : first, client === SECOND ? first : second, out)
  if (out.start[USER]! < 0) setTrailingUser(buf, after, end, out)
  const word = find(buf, after, Math.min(end, after + 64), BYTES)
  if (word >= 0) {
    let p = word + BYTES.length
    while (p < end && isDigit(buf[p])) p++
    out.numbers[TOTAL] = readCount(buf, word + BYTES.length, p)
  }
  out.action = ACTION_ALLOWED
  return 'parsed'
}

/** Of a private and a public address the private one is taken for the client. */
function clientByAddress(buf: Uint8Array): number {
  const a = isPrivate(buf, first)
  return a === isPrivate(buf, second) ? UNKNOWN : a ? FIRST : SECOND
}

/** 10/8, 172.16/12 and 192.168/16 (RFC 1918), fc00::/7 (RFC 4193). */
function isPrivate(buf: Uint8Array, { start, end }: Endpoint): boolean {
  const dot = findByte(buf, start, Math.min(end, start + 4), 0x2e)
  if (dot < 0) return (buf[start]! | 0x20) === 0x66 && ((buf[start + 1]! | 0x20) === 0x63 || (buf[start + 1]! | 0x20) === 0x64)
  const head = readCount(buf, start, dot)
  if (head === 10) return true
  const next = findByte(buf, dot + 1, Math.min(end, dot + 5), 0x2e)
  const part = next < 0 ? -1 : readCount(buf, dot + 1, next)
  return (head === 172 && part >= 16 && part <= 31) || (head === 192 && part === 168)
}

function setEndpoints(client: Endpoint, server: Endpoint, out: RecordFields): void {
  out.set(SRC_IP, client.start, client.end)
  out.set(DST_IP, server.start, server.end)
  out.numbers[DST_PORT] = server.port
  out.set(USER, client.userStart, client.userEnd)
}

/** `(user)` at the end of the line is the connection's. */
function setTrailingUser(buf: Uint8Array, start: number, end: number, out: RecordFields): void {
  let last = end
  while (last > start && buf[last - 1] === 0x20) last--
  if (last <= start || buf[last - 1] !== 0x29) return
  const open = findLastByte(buf, Math.max(start, last - NEAR_BYTES), last, 0x28)
  if (open >= 0) out.set(USER, open + 1, last - 1)
}

/** True when `tcp` or `udp` in any case stands at `at`. */
function isTcpOrUdp(buf: Uint8Array, at: number): boolean {
  const key = ((buf[at]! | 0x20) << 16) | ((buf[at + 1]! | 0x20) << 8) | (buf[at + 2]! | 0x20)
  return (key === 0x746370 || key === 0x756470) && buf[at + 3] === 0x20
}

function denied(frame: Frame, at: number, out: RecordFields): Outcome {
  const { buf, end } = frame
  const src = find(buf, at, Math.min(end, at + 48), SRC)
  if (src < 0) return broken(out)
  if (!isTcpOrUdp(buf, at + 'Deny '.length)) return skipped(out, 'not_tcp_udp')
  let p = readEndpoint(buf, src + SRC.length, end, first)
  if (p < 0 || !matchesAt(buf, p, end, DST)) return broken(out)
  p = readEndpoint(buf, p + DST.length, end, second)
  return p < 0 ? broken(out) : blocked(out)
}

function blocked(out: RecordFields): Outcome {
  setEndpoints(first, second, out)
  out.action = ACTION_BLOCKED
  return 'parsed'
}

function inboundDenied(frame: Frame, at: number, out: RecordFields): Outcome {
  const { buf, end } = frame
  const from = find(buf, at, Math.min(end, at + 64), FROM)
  if (from < 0) return broken(out)
  let p = readAddress(buf, from + FROM.length, end, first)
  if (p < 0 || !matchesAt(buf, p, end, TO)) return broken(out)
  p = readAddress(buf, p + TO.length, end, second)
  return p < 0 ? broken(out) : blocked(out)
}

/** The line comes once at the first hit, which is the start of a connection if it is let through, and then again at every interval. */
function accessList(frame: Frame, at: number, out: RecordFields): Outcome {
  const { buf, end } = frame
  const near = Math.min(end, at + NEAR_BYTES)
  let word = find(buf, at, near, PERMITTED)
  let length = PERMITTED.length
  let isAllowed = true
  if (word < 0) {
    word = find(buf, at, near, DENIED)
    length = DENIED.length
    isAllowed = word < 0
  }
  if (word < 0) {
    word = find(buf, at, near, EST_ALLOWED)
    length = EST_ALLOWED.length
  }
  if (word < 0) return broken(out)
  const transport = word + length
  if (!isTcpOrUdp(buf, transport)) return skipped(out, 'not_tcp_udp')
  let p = readListed(buf, transport + 4, end, first)
  if (p < 0 || !matchesAt(buf, p, end, ARROW)) return broken(out)
  p = readListed(buf, p + ARROW.length, end, second)
  if (p < 0) return broken(out)
  if (find(buf, p, Math.min(end, p + 64), FIRST_HIT) < 0) out.phase = PHASE_INTERIM
  else if (isAllowed) out.phase = PHASE_START
  setEndpoints(first, second, out)
  out.action = isAllowed ? ACTION_ALLOWED : ACTION_BLOCKED
  return 'parsed'
}

function accessed(frame: Frame, at: number, out: RecordFields): Outcome {
  const { buf, end } = frame
  const word = find(buf, at, Math.min(end, at + NEAR_BYTES), ACCESSED)
  if (word < 0) return broken(out)
  let p = word + ACCESSED.length
  if (matchesAt(buf, p, end, JAVA)) p += JAVA.length
  if (!matchesAt(buf, p, end, URL_WORD)) return broken(out)
  p += URL_WORD.length
  const colon = urlColon(buf, p, end)
  if (colon < 0) return broken(out)
  setAddressAndUser(buf, at, word, SRC_IP, out)
  setAddressAndUser(buf, p, colon, DST_IP, out)
  out.set(URL, colon + 1, end)
  out.action = ACTION_ALLOWED
  return 'parsed'
}

/** The colon between address and URL: what follows is a path or a scheme, which no part of an IPv6 address looks like. */
function urlColon(buf: Uint8Array, start: number, end: number): number {
  const last = Math.min(end, start + NEAR_BYTES)
  for (let at = start; at < last; at++) {
    if (buf[at] !== 0x3a) continue
    const next = buf[at + 1]! | 0x20
    if (buf[at + 1] === 0x2f || (next > 0x66 && next <= 0x7a) || matchesAt(buf, at + 1, end, FTP)) return at
  }
  return -1
}

const FTP = needle('ftp:')

/** `[user@]address[(user)]`; the user in brackets carries its domain and wins, and a user that is known stays. */
function setAddressAndUser(buf: Uint8Array, start: number, end: number, field: typeof SRC_IP | typeof DST_IP, out: RecordFields): void {
  const open = findByte(buf, start, end, 0x28)
  const addressEnd = open < 0 ? end : open
  const sign = findLastByte(buf, start, addressEnd, 0x40)
  out.set(field, sign < 0 ? start : sign + 1, addressEnd)
  if (out.start[USER]! >= 0) return
  if (open >= 0) out.set(USER, open + 1, buf[end - 1] === 0x29 ? end - 1 : end)
  else if (sign >= 0) out.set(USER, start, sign)
}

function accessDenied(frame: Frame, at: number, out: RecordFields): Outcome {
  const { buf, end } = frame
  if (!matchesAt(buf, at, end, DENIED_URL)) return broken(out)
  const urlStart = at + DENIED_URL.length
  const src = find(buf, urlStart, end, SRC_WORD)
  const dest = src < 0 ? -1 : find(buf, src, Math.min(end, src + NEAR_BYTES), DEST)
  if (dest < 0) return broken(out)
  setAddressAndUser(buf, src + SRC_WORD.length, dest, SRC_IP, out)
  const addressEnd = findByte(buf, dest + DEST.length, Math.min(end, dest + NEAR_BYTES), 0x20)
  setAddressAndUser(buf, dest + DEST.length, addressEnd < 0 ? end : addressEnd, DST_IP, out)
  out.set(URL, urlStart, src)
  out.action = ACTION_BLOCKED
  return 'parsed'
}

/**
 * Hot path: once per record. Makes whatever a parser handed over obey the invariants of the normalised record, or says why it
 * can not be one. Nothing that is already as it should be is copied or turned into a string.
 */
import { canonicalIp, IPV6_MAX_BYTES, isCanonicalIpv4, writeCanonicalIpv6 } from '../lib/ip.ts'
import { isVectorMemory, vectorCode } from '../lib/lane-memory.ts'
import { laneRecordAt } from '../lib/lane-record.ts'
import { isPlaceholder } from '../lib/placeholder.ts'
import { URL_SHIFT } from '../lib/simd/program.ts'
import {
  ACTION_ABSENT,
  ACTION_UNKNOWN,
  DEVICE,
  DOWNLOADED,
  DST_HOST,
  DST_IP,
  DST_PORT,
  type RecordFields,
  SRC_IP,
  type TextField,
  TIME,
  TOTAL,
  UPLOADED,
  URL,
  USER
} from '../record.ts'
import type { Corrections } from './corrections.ts'
import { finalizeHost } from './host.ts'
import { normalizeUrl } from './url.ts'

export const NAME_MAX_CHARS = 256

/** Why a record can not go on: it lacks what every record must have. It is dropped with that reason. */
export const REJECTS = ['bad_time', 'no_source', 'no_destination'] as const
export type Reject = (typeof REJECTS)[number]

/**
 * Enforces the invariants in place, all of them also when one fails, so that a person sees the rest of the record. Returns ''
 * when the record stands, else the first reason against it. Filters and the age rule come later.
 *
 * Records whose reader promises that they obey (`isFinal`) are left as they are: an invariant that is added here must also be kept, or the
 * promise not be given, where that is set (src/parse/grammar/squid-row.ts, with src/lib/simd/squid.ts and what its parser sets itself).
 */
export function finalize(out: RecordFields, corrections: Corrections): Reject | '' {
  const { numbers } = out
  const time = numbers[TIME]!
  const hasTime = time > 0 && time < 253_402_300_800_000
  if (out.isFinal && hasTime) return ''
  numbers[TIME] = hasTime ? Math.floor(time) : Number.NaN
  const plain = plainTexts(out)
  if ((plain & ALL_PLAIN) !== ALL_PLAIN) finalizeTexts(out, plain, corrections)
  const port = numbers[DST_PORT]!
  if (!(port >= 1 && port <= 65_535 && Number.isInteger(port))) numbers[DST_PORT] = -1
  if (out.start[URL]! >= 0) normalizeUrl(out, corrections, plain >> URL_SHIFT)
  finalizeCounts(out, corrections)
  if (out.action === ACTION_UNKNOWN) {
    corrections.unknown_action++
    out.action = ACTION_ABSENT
  }
  if (!hasTime) return 'bad_time'
  if (out.start[SRC_IP]! < 0) return 'no_source'
  return out.start[URL]! < 0 && out.start[DST_HOST]! < 0 && out.start[DST_IP]! < 0 ? 'no_destination' : ''
}

/** Bits of the answer of `plainTexts` in src/lib/simd/fields.ts. */
const PLAIN_USER = 1
const PLAIN_DEVICE = 2
const PLAIN_SRC_IP = 4
const PLAIN_DST_IP = 8
const PLAIN_HOST = 16
const ALL_PLAIN = 31

/** Which texts are known to be as they should be, or absent; all others have to be looked at. */
const plainTexts = ({ buf, isInLane }: RecordFields): number => (isInLane && isVectorMemory(buf) ? vectorCode!.plainTexts(laneRecordAt) : 0)

/** All texts but the URL, save those that are plain. */
function finalizeTexts(out: RecordFields, plain: number, corrections: Corrections): void {
  const host = out.start[DST_HOST]!
  if ((plain & PLAIN_SRC_IP) === 0) finalizeIp(out, SRC_IP)
  if ((plain & PLAIN_DST_IP) === 0) finalizeDestinationIp(out)
  if ((plain & PLAIN_USER) === 0) finalizeName(out, USER, corrections)
  if ((plain & PLAIN_DEVICE) === 0) finalizeName(out, DEVICE, corrections)
  if (out.start[USER]! >= 0 && isAnonymous(out)) out.clear(USER)
  if (out.start[DST_HOST]! >= 0 && (host < 0 || (plain & PLAIN_HOST) === 0)) finalizeHost(out, corrections)
}

function finalizeIp(out: RecordFields, field: TextField): void {
  const start = out.start[field]!
  if (start < 0) return
  const end = out.end[field]!
  if (isCanonicalIpv4(out.buf, start, end)) {
    if (out.buf[start] === 0x30 && end - start === 7 && isPlaceholder(out.buf, start, end)) out.clear(field)
    return
  }
  const { scratch } = out
  const written = out.scratchEnd - scratch < IPV6_MAX_BYTES ? -1 : writeCanonicalIpv6(out.buf, start, end, scratch)
  if (written > 0) {
    out.scratch = written
    out.set(field, scratch, written)
    return
  }
  const ip = end - start > 64 ? undefined : canonicalIp(out.buf.toString('latin1', start, end))
  if (ip === undefined) out.clear(field)
  else out.setText(field, ip)
}

/** A name where the server's address should be is its host. */
function finalizeDestinationIp(out: RecordFields): void {
  const start = out.start[DST_IP]!
  if (start < 0) return
  const end = out.end[DST_IP]!
  finalizeIp(out, DST_IP)
  if (out.start[DST_IP]! < 0 && out.start[DST_HOST]! < 0 && !isPlaceholder(out.buf, start, end)) out.set(DST_HOST, start, end)
}

function finalizeName(out: RecordFields, field: TextField, corrections: Corrections): void {
  const { buf } = out
  let start = out.start[field]!
  if (start < 0) return
  let end = out.end[field]!
  while (start < end && buf[start] === 0x20) start++
  while (end > start && buf[end - 1] === 0x20) end--
  if (end - start <= NAME_MAX_CHARS && isPlainText(buf, start, end)) {
    if (isPlaceholder(buf, start, end)) out.clear(field)
    else out.set(field, start, end)
    return
  }
  const clean = cleanText(buf.toString('utf8', start, end))
  const chars = [...clean]
  if (chars.length > NAME_MAX_CHARS) corrections.name_cut++
  const text = chars.length > NAME_MAX_CHARS ? chars.slice(0, NAME_MAX_CHARS).join('').trimEnd() : clean
  out.setText(field, text)
  if (out.has(field) && isPlaceholder(out.buf, out.start[field]!, out.end[field]!)) out.clear(field)
}

/**
 * True when every character is printable ASCII or a letter's range of UTF-8 in which nothing needs cleaning: U+00C0 to U+07FF, and
 * the scripts of East Asia from U+3040 on. Anything else is left to strings.
 */
function isPlainText(buf: Buffer, start: number, end: number): boolean {
  let at = start
  while (at < end) {
    const byte = buf[at]!
    if (byte >= 0x20 && byte <= 0x7e) at++
    else if (byte >= 0xc3 && byte <= 0xdf && at + 1 < end && isTail(buf[at + 1]!)) at += 2
    else if (byte >= 0xe3 && byte <= 0xec && at + 2 < end && isTail(buf[at + 1]!) && isTail(buf[at + 2]!)) {
      if (byte === 0xe3 && buf[at + 1] === 0x80) return false // the ideographic blank
      at += 3
    } else return false
  }
  return true
}

const isTail = (byte: number): boolean => (byte & 0xc0) === 0x80

/** Control characters, line and paragraph separators, lone surrogates and byte-order marks become blanks; blanks around go. */
export function cleanText(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/g, ' ')
    .trim()
}

const ANONYMOUS = Buffer.from('anonymous')

function isAnonymous(out: RecordFields): boolean {
  const start = out.start[USER]!
  if (out.end[USER]! - start !== ANONYMOUS.length) return false
  for (let i = 0; i < ANONYMOUS.length; i++) if ((out.buf[start + i]! | 0x20) !== ANONYMOUS[i]) return false
  return true
}

/** Two of three counts give the third; a total smaller than its parts is their sum. */
function finalizeCounts(out: RecordFields, corrections: Corrections): void {
  const { numbers } = out
  for (let field = UPLOADED; field <= TOTAL; field++) {
    const value = numbers[field]!
    if (value !== -1 && !(value >= 0 && value <= Number.MAX_SAFE_INTEGER && Number.isInteger(value))) {
      numbers[field] = -1
      corrections.count_dropped++
    }
  }
  const up = numbers[UPLOADED]!
  const down = numbers[DOWNLOADED]!
  const total = numbers[TOTAL]!
  if (up >= 0 && down >= 0) {
    const sum = up + down
    const known = sum <= Number.MAX_SAFE_INTEGER ? sum : -1
    if (total < 0) numbers[TOTAL] = known
    else if (total < sum) {
      numbers[TOTAL] = known
      corrections.bytes_inconsistent++
    }
  } else if (total >= 0 && up >= 0) {
    if (total >= up) numbers[DOWNLOADED] = total - up
  } else if (total >= 0 && down >= 0 && total >= down) numbers[UPLOADED] = total - down
}

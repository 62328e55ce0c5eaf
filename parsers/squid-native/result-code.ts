/** Hot path: once per row. Squid's result code, `TCP_MISS/200`, and what it decides. */
import { find, isDigit, matchesAt, needle, Repeated } from '../../src/parse/kit.ts'
import { ACTION_ALLOWED, ACTION_BLOCKED } from '../../src/record.ts'

const SLASH = 0x2f
const DENIED = needle('DENIED')
const ABORTED = needle('ABORTED')
const NONE = needle('NONE')
const UDP = needle('UDP_')

/** What a result code may decide beside actions: it is of a question between caches, or is none. */
export const NO_TRAFFIC = -1
export const NO_CODE = -2

/** By byte: 1 for those of result codes and hierarchies, `TCP_MISS`. */
const IS_NAME = Uint8Array.from({ length: 256 }, (_, byte) => Number((byte >= 0x41 && byte <= 0x5a) || byte === 0x5f))

/** End of the run of bytes of which result codes and hierarchies are made. */
export function nameEnd(buf: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && IS_NAME[buf[at]!] === 1) at++
  return at
}

/** What codes of earlier rows decide, at a place by their bytes: of `TCP_MISS/200` and its kin a cache has few. */
const codes = Array.from({ length: 16 }, () => ({ bytes: new Repeated(), decision: NO_CODE }))

/** What the result code decides: an action (0: nothing), NO_TRAFFIC, or NO_CODE when it is none. */
export function decisionOf(buf: Buffer, start: number, end: number): number {
  const code = codes[(end - start + 5 * buf[start + 4]! + buf[end - 1]!) & (codes.length - 1)]!
  if (code.bytes.is(buf, start, end)) return code.decision
  const decision = isCode(buf, start, end) ? (matchesAt(buf, start, end, UDP) ? NO_TRAFFIC : actionOf(buf, start, end)) : NO_CODE
  if (decision !== NO_CODE) {
    code.bytes.keep(buf, start, end)
    code.decision = decision
  }
  return decision
}

/** `TCP_MISS/200` */
function isCode(buf: Buffer, start: number, end: number): boolean {
  const slash = end - 4
  if (slash <= start || nameEnd(buf, start, slash) !== slash || buf[slash] !== SLASH) return false
  return isDigit(buf[slash + 1]) && isDigit(buf[slash + 2]) && isDigit(buf[slash + 3])
}

/** What the result code decides: DENIED blocks; no answer, or one that was broken off, decides nothing. */
function actionOf(buf: Buffer, start: number, end: number): number {
  if (find(buf, start, end, DENIED) >= 0) return ACTION_BLOCKED
  const noStatus = buf[end - 1] === 0x30 && buf[end - 2] === 0x30 && buf[end - 3] === 0x30
  if (noStatus || matchesAt(buf, start, end, NONE) || find(buf, start, end, ABORTED) >= 0) return 0
  return ACTION_ALLOWED
}

/** Hot path: once per text field. Words that stand for an absent value (record.md section 2, rule 4). */
import { equalsIgnoreCase } from './bytes.ts'

const PLACEHOLDERS = ['-', 'n/a', 'na', 'none', 'null', '(null)', 'unknown', 'not available', 'not found', '0.0.0.0', '::'].map(word =>
  Buffer.from(word)
)
const LONGEST = 13

/** True when the range is empty or such a word, in any case. */
export function isPlaceholder(buf: Uint8Array, start: number, end: number): boolean {
  const length = end - start
  if (length === 0) return true
  if (length > LONGEST) return false
  const first = buf[start]! | 0x20
  // all of them begin with one of - n ( u 0 : (with the case bit set: - n ( u 0 :)
  if (first !== 0x2d && first !== 0x6e && first !== 0x28 && first !== 0x75 && first !== 0x30 && first !== 0x3a) return false
  for (const word of PLACEHOLDERS) if (word.length === length && equalsIgnoreCase(buf, start, end, word)) return true
  return false
}

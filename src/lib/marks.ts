/**
 * Hot path: four bytes looked at in one go (Bit Twiddling Hacks, "haszero" and "hasless"). Each function sets the highest bit of every
 * byte of a little-endian word that is looked for. The lowest mark is always right; above it there may be wrong ones.
 */

/** Marks the bytes that are `byte`. */
export function marksOf(word: number, byte: number): number {
  const rest = word ^ Math.imul(byte, 0x01010101)
  return (rest - 0x01010101) & ~rest & 0x80808080
}

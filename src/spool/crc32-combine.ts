/**
 * CRC-32 of two byte strings laid end to end, from the CRC-32 of each: what lets a gzip trailer be written without seeing the
 * bytes again. Appending n zero bytes to a message is a linear map over GF(2) of its CRC register; a map is a 32×32 bit matrix,
 * and maps for 2^k bytes are squares of each other (the idea of `crc32_combine` in zlib's crc32.c).
 */

/** The polynomial of gzip (RFC 1952 section 8), bits reversed. */
const POLYNOMIAL = 0xedb88320

/** A linear map of 32-bit words: column i is the image of bit i. */
type Matrix = Uint32Array

/** `powers[k]` advances a CRC over 2^k zero bytes; filled when first needed, 53 at most. */
const powers: Matrix[] = [oneByte()]

/**
 * CRC-32 of a followed by b.
 * @param crcA CRC-32 of a
 * @param crcB CRC-32 of b
 * @param lengthB size of b in bytes, up to 2^53
 */
export function crc32Combine(crcA: number, crcB: number, lengthB: number): number {
  let crc = crcA
  let rest = lengthB
  for (let k = 0; rest > 0; k++) {
    const matrix = powers[k] ?? (powers[k] = square(powers[k - 1]!))
    if (rest % 2 === 1) crc = times(matrix, crc)
    rest = Math.floor(rest / 2)
  }
  return (crc ^ crcB) >>> 0
}

/** The map of one zero byte: eight shifts of the register. */
function oneByte(): Matrix {
  const bit = new Uint32Array(32)
  bit[0] = POLYNOMIAL
  for (let i = 1; i < 32; i++) bit[i] = (1 << (i - 1)) >>> 0
  return square(square(square(bit)))
}

function square(matrix: Matrix): Matrix {
  return matrix.map(column => times(matrix, column))
}

function times(matrix: Matrix, vector: number): number {
  let sum = 0
  let rest = vector
  for (let i = 0; rest !== 0; i++) {
    if ((rest & 1) === 1) sum ^= matrix[i]!
    rest >>>= 1
  }
  return sum >>> 0
}

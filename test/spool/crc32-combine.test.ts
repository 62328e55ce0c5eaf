import { crc32 } from 'node:zlib'
import t from 'tap'
import { crc32Combine } from '../../src/spool/crc32-combine.ts'
import fc from '../property-kit.ts'

t.test('the combined CRC-32 is that of the joined bytes, however they are cut', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), fc.uint8Array({ maxLength: 5000 }), (a, b) => {
      const joined = Buffer.concat([a, b])
      return crc32Combine(crc32(a), crc32(b), b.length) === crc32(joined)
    }),
    { numRuns: 300 }
  )
  t.equal(crc32Combine(0, 0, 0), 0)
})

t.test('lengths beyond 4 GiB count in full', async t => {
  // 2^33 zero bytes, as two halves and as eight eighths: linear maps must agree.
  const start = crc32('start')
  const zeros = (length: number, crc = 0): number => crc32Combine(crc, crc32OfZeros(length), length)
  let eighths = start
  for (let i = 0; i < 8; i++) eighths = zeros(2 ** 30, eighths)
  t.equal(zeros(2 ** 33, start), eighths)
})

/** CRC-32 of 2^30·k zero bytes, by doubling from one megabyte that zlib summed. */
function crc32OfZeros(length: number): number {
  let size = 2 ** 20
  let crc = crc32(Buffer.alloc(size))
  while (size < length) {
    crc = crc32Combine(crc, crc, size)
    size *= 2
  }
  return crc
}

import t from 'tap'
import { copyUntilSpecial } from '../../src/encode/write.ts'

/** What stands in an output of dots after such a copy, and the length that it says. */
function copy(text: Buffer): { copied: number; out: string } {
  const from = Buffer.concat([Buffer.from('=='), text, Buffer.from('==')]) // what stands around must not matter
  const out = Buffer.alloc(20, '.')
  const copied = copyUntilSpecial(from, 2, 2 + text.length, out, 3)
  return { copied, out: out.toString('latin1') }
}

t.test('a field is copied up to its first special byte, whatever its length and wherever that stands', async t => {
  for (let length = 0; length <= 13; length++) {
    for (let place = 0; place <= length; place++) {
      for (const special of [0x3d, 0x5c, 0x0a, 0x00, 0x1f]) {
        const text = Buffer.from('abc\u00ffdefghi|klm', 'latin1').subarray(0, length)
        if (place < length) text[place] = special
        const expected = { copied: place, out: `...${text.toString('latin1', 0, place)}`.padEnd(20, '.') }
        t.strictSame(copy(text), expected, `${length} bytes, byte ${special} at ${place}`)
      }
    }
  }
})

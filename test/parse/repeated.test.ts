import t from 'tap'
import { newFrame, readHeader } from '../../src/identify/syslog-header.ts'
import { productSignature, Repeated } from '../../src/parse/kit.ts'
import { UTC } from '../../src/parse/values/zone.ts'

t.test('bytes are the kept ones only when each of them is, and all of them are there', async t => {
  for (let length = 4; length <= 20; length++) {
    const line = Buffer.from(`>>${'0123456789abcdefghij'.slice(0, length)}<<`)
    const kept = new Repeated()
    t.notOk(kept.standsAt(line, 2, line.length), 'nothing was kept yet')
    kept.keep(line, 2, 2 + length)
    t.ok(kept.standsAt(line, 2, 2 + length), `${length} bytes`)
    t.notOk(kept.standsAt(line, 2, 1 + length), 'cut off')
    for (let at = 2; at < 2 + length; at++) {
      const other = Buffer.from(line)
      other[at] = other[at]! ^ 0x80
      t.notOk(kept.standsAt(other, 2, 2 + length), `${length} bytes, ${at - 2} is another`)
    }
  }
})

t.test('what is too short or too long is not kept, nor what was there before', async t => {
  const line = Buffer.alloc(256, 'x')
  const kept = new Repeated()
  for (const length of [3, 129]) {
    kept.keep(line, 0, 8)
    kept.keep(line, 0, length)
    t.notOk(kept.standsAt(line, 0, 256), `${length} bytes`)
  }
})

t.test('products that differ in their last letter, or whose header is cut, have signatures of their own', async t => {
  const signatureOf = (line: string): number => {
    const frame = newFrame(UTC)
    readHeader(frame, Buffer.from(line), 0, line.length)
    return productSignature(frame, 0)
  }
  const lines = ['CEF:0|Maker|Gate|1|2|', 'CEF:0|Maker|Gata|1|2|', 'CEF:0|Maker|Gat', 'CEF:0|Maker|', 'CEF:1|Maker|Gate|1|2|']
  const first = lines.map(signatureOf)
  t.equal(new Set(first).size, lines.length)
  // in whatever order: what was found out about one is said of no other
  for (const before of lines) {
    for (const middle of lines) {
      for (const [i, line] of lines.entries()) {
        signatureOf(before)
        signatureOf(middle)
        t.equal(signatureOf(line), first[i], `${line} after ${before} and ${middle}`)
      }
    }
  }
})

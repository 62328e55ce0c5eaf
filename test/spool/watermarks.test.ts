import t from 'tap'
import { Watermarks } from '../../src/spool/watermarks.ts'

const MiB = 1024 * 1024
const marks = (maxBytes: number): Watermarks => new Watermarks({ maxBytes, highWater: 0.9, lowWater: 0.8, diskReserveBytes: 0 })

t.test('a spool is full from the high share of its bound on, until it is below the low one', async t => {
  const spool = marks(1000 * MiB)
  const isFull = [899, 900, 850, 801, 800].map(used => {
    spool.update(used * MiB, 1e12)
    return spool.isFull
  })
  t.same(isFull, [false, true, true, true, false])
  t.equal(spool.highWaterBytes, 900 * MiB)
})

t.test('a small one leaves room for what is on its way when senders are stopped, but not more than half', async t => {
  t.equal(marks(40 * MiB).highWaterBytes, 36 * MiB)
  t.equal(marks(24 * MiB).highWaterBytes, 20 * MiB)
  t.equal(marks(8 * MiB).highWaterBytes, 4 * MiB)
  t.equal(marks(2 * MiB).highWaterBytes, MiB)
  const spool = marks(8 * MiB)
  const isFull = [3.9, 4, 3.6, 3.5].map(used => {
    spool.update(used * MiB, 1e12)
    return spool.isFull
  })
  t.same(isFull, [false, true, true, false])
})

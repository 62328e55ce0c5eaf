import t from 'tap'
import { TokenBucket } from '../../src/lib/token-bucket.ts'

t.test('a second of frames may come at once, and what is overdrawn is waited for', async t => {
  const bucket = new TokenBucket({ framesPerSecond: 100, bytesPerSecond: 0 }, 0)
  bucket.take(100, 1e9, 0)
  t.equal(bucket.debtMs(0), 0)
  bucket.take(50, 0, 0)
  t.equal(bucket.debtMs(0), 500)
  t.equal(bucket.debtMs(400), 100)
  t.equal(bucket.debtMs(500), 0)
  t.equal(bucket.debtMs(1_000_000), 0)
  bucket.take(101, 0, 1_000_000)
  t.equal(bucket.debtMs(1_000_000), 10, 'a long silence saves no more than a second')
})

t.test('the scarcer of frames and bytes decides, and a clock that goes back gives nothing', async t => {
  const bucket = new TokenBucket({ framesPerSecond: 10, bytesPerSecond: 1000 }, 5000)
  bucket.take(11, 3000, 5000)
  t.equal(bucket.debtMs(5000), 2000)
  t.equal(bucket.debtMs(1000), 2000)
  bucket.take(29, 0, 1000)
  t.equal(bucket.debtMs(1000), 3000)
})

t.test('without limits there is no debt', async t => {
  const bucket = new TokenBucket({ framesPerSecond: 0, bytesPerSecond: 0 }, 0)
  bucket.take(1e9, 1e12, 0)
  t.equal(bucket.debtMs(0), 0)
})

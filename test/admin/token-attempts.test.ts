import t from 'tap'
import { TokenAttempts } from '../../src/admin/token-attempts.ts'

t.test('after twenty wrong tokens an address waits; another does not, and time heals', async t => {
  let nowMs = 0
  const attempts = new TokenAttempts(() => nowMs)
  for (let count = 0; count < 20; count++) {
    t.equal(attempts.waitSeconds('192.0.2.1'), 0)
    attempts.failed('192.0.2.1')
  }
  t.equal(attempts.waitSeconds('192.0.2.1'), 3)
  t.equal(attempts.waitSeconds('192.0.2.2'), 0)
  nowMs = 3000
  t.equal(attempts.waitSeconds('192.0.2.1'), 0, 'one try')
  attempts.failed('192.0.2.1')
  t.equal(attempts.waitSeconds('192.0.2.1'), 3)
  nowMs = 3000 + 60_000
  for (let count = 0; count < 20; count++) attempts.failed('192.0.2.1')
  t.equal(attempts.waitSeconds('192.0.2.1'), 3, 'and never more than twenty at once')
})

import t from 'tap'
import { REJECT_KINDS_MAX, REJECT_LINES_MAX, rejectKinds } from '../../src/telemetry/rejects.ts'
import type { RejectedSample } from '../../src/telemetry/status.ts'

const sample = (atMs: number, reason: string, source = 'fw'): RejectedSample => ({
  atMs,
  source,
  outcome: 'malformed',
  parser: 'squid-native',
  reason,
  text: `line ${atMs}`,
  remedy: 'do this'
})

t.test('lines with the same fault are one kind, which keeps the newest', async t => {
  const kinds = rejectKinds([sample(1, 'bad_syntax'), sample(2, 'short_row'), ...[3, 4, 5, 6].map(atMs => sample(atMs, 'bad_syntax'))])
  t.equal(kinds.length, 2)
  const [first] = kinds
  t.match(first, { source: 'fw', reason: 'bad_syntax', remedy: 'do this', lastMs: 6 })
  t.same(
    first?.lines.map(({ text }) => text),
    ['line 6', 'line 5', 'line 4']
  )
  t.equal(first?.lines.length, REJECT_LINES_MAX)
})

t.test('the same line is shown once', async t => {
  const again = (atMs: number): RejectedSample => ({ ...sample(1, 'bad_syntax'), atMs })
  t.match(rejectKinds([again(1), again(2), again(3)]), [{ lines: [{ atMs: 3, text: 'line 1' }], lastMs: 3 }])
  t.equal(rejectKinds([again(1), again(2)])[0]?.lines.length, 1)
})

t.test('kinds are bounded', async t => {
  const many = Array.from({ length: REJECT_KINDS_MAX + 10 }, (_, index) => sample(index, 'bad_syntax', `fw${index}`))
  t.equal(rejectKinds(many).length, REJECT_KINDS_MAX)
})

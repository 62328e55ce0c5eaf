/** The memory of a lane is fixed: what does not fit is told when its module is loaded, not when a line is read. */
import t from 'tap'
import { laneBytes, reserveLaneMemory, SCRATCH_END } from '../../src/lib/lane-memory.ts'

const tooMuch = { message: /^The memory of a lane has \d+ bytes; \d+ would be reserved$/ }

t.test('regions are aligned, behind the scratch, and apart', async t => {
  const first = reserveLaneMemory(1)
  const second = reserveLaneMemory(17)
  const third = reserveLaneMemory(16)
  t.ok(first >= SCRATCH_END)
  t.same([second - first, third - second], [16, 32])
  for (const at of [first, second, third]) t.equal(at % 16, 0)
})

t.test('what does not fit throws and takes nothing, the last byte can be had, and a module that finds no room does not load', async t => {
  t.throws(() => reserveLaneMemory(laneBytes.length), tooMuch)
  const at = reserveLaneMemory(16)
  t.throws(() => reserveLaneMemory(laneBytes.length - at - 15), tooMuch)
  const last = reserveLaneMemory(laneBytes.length - at - 16)
  t.equal(last, at + 16)
  t.throws(() => reserveLaneMemory(1), tooMuch)
  t.equal(reserveLaneMemory(0), laneBytes.length)
  await t.rejects(import('../../src/encode/output.ts'), tooMuch)
  await t.rejects(import('../../src/parse/grammar/layout.ts'), tooMuch)
})

import t from 'tap'
import { OUTSTANDING_MAX, Outstanding } from '../../src/lanes/outstanding.ts'

t.test('until it is full nobody waits; then who wants more room waits for longer, and nobody is forgotten', async t => {
  const outstanding = new Outstanding()
  const inTurn: string[] = []
  const waits = (name: string, blocks: number): Promise<unknown> => outstanding.room(blocks).then(() => inTurn.push(name))
  for (let block = 1; block < OUTSTANDING_MAX; block++) outstanding.handedOver()
  await waits('before', 16)
  outstanding.handedOver()
  t.equal(outstanding.isFull, true)
  const waiting = [waits('sixteen', 16), waits('one', 1), waits('four', 4)]
  outstanding.handedOver() // it never refuses
  outstanding.cameBack(1)
  t.same([outstanding.blocks, outstanding.isFull], [OUTSTANDING_MAX, true])
  for (let block = 0; block < 16; block++) {
    t.same(inTurn.length, [1, 2, 2, 2, 3][block] ?? 3, `${block} of 64 are back`)
    outstanding.cameBack(1)
    await new Promise(setImmediate)
  }
  await Promise.all(waiting)
  t.same(inTurn, ['before', 'one', 'four', 'sixteen'])
})

import t from 'tap'
import type { Block } from '../../src/contracts.ts'
import { LaneSlot } from '../../src/lanes/lane-slot.ts'
import type { LaneStats, ToLane } from '../../src/lanes/messages.ts'
import { FrameBlock } from '../../src/lib/frame-block.ts'
import { blockOf } from '../spool/blocks.ts'

/** A slot whose lane keeps what it is told. */
function slotWithLane(): { slot: LaneSlot; posted: ToLane[] } {
  const slot = new LaneSlot(3)
  const posted: ToLane[] = []
  slot.lane = { post: message => void posted.push(message), stop: async () => {} }
  return { slot, posted }
}

function framesOf(count: number): FrameBlock {
  const block = new FrameBlock()
  block.clear()
  for (let i = 0; i < count; i++) block.append(Buffer.from('frame'), 0, 5, 1)
  return block
}

const statsOf = (frames: number): LaneStats => ({ frames, bytes: 0, busyMs: 0, sources: [], samples: [] })
const recordsOf = (source: string, records: number, more: Partial<Block> = {}): Block => ({
  ...blockOf(
    source,
    Array.from({ length: records }, (_, i) => `${i}`)
  ),
  ...more
})

t.test('a flush asks only a lane that was given something since, and waits for what was asked before', async t => {
  const { slot, posted } = slotWithLane()
  await slot.flush()
  t.same(posted, [], 'there is nothing to ask for')
  slot.send(framesOf(2), [[1, [0]]])
  const flushes = [slot.flush(), slot.flush()]
  t.match(posted, [{ type: 'block', count: 2, opens: [[1, [0]]] }, { type: 'flush' }])
  t.equal(posted.length, 2)
  t.same([slot.outstanding, slot.framesInFlight], [1, 2])
  slot.cameBack([])
  slot.answered((posted[1] as { id: number }).id, statsOf(2))
  await Promise.all(flushes)
  t.same([slot.outstanding, slot.framesInFlight], [0, 0])
  t.match(slot.counts(), { index: 3, alive: true, restarts: 0, stats: [{ frames: 2 }] })
})

t.test('of a lane that ends only what did not come back is lost; who waits for it goes on, and its counts stay', async t => {
  const { slot, posted } = slotWithLane()
  slot.send(framesOf(5), [])
  const first = slot.flush()
  slot.cameBack([])
  slot.answered((posted[1] as { id: number }).id, statsOf(5))
  await first
  slot.send(framesOf(4), [])
  slot.send(framesOf(3), [])
  slot.cameBack([recordsOf('a', 3), recordsOf('a', 4, { forArchive: true })])
  t.equal(slot.uncountedRecords('a'), 3, 'copies for the archive are no records')
  const waiting = slot.flush()
  t.same(slot.ended(), { blocks: 1, frames: 4 })
  await waiting
  t.match(slot.counts(), { alive: false, restarts: 1, stats: [{ frames: 5 }, { frames: 3, sources: [{ source: 'a', written: 3 }] }] })
  t.same([slot.outstanding, slot.framesInFlight, slot.uncountedRecords('a')], [0, 0, 0])
  await slot.flush()
})

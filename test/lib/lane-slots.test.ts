import t from 'tap'
import { laneBytes } from '../../src/lib/lane-memory.ts'
import { LaneSlots } from '../../src/lib/lane-slots.ts'

t.test('while there are slots each owner has one of its own; then the oldest loses its slot to who comes', async t => {
  const slots = new LaneSlots(4, 32)
  const owners = Array.from({ length: 6 }, (_, name) => ({ name }))
  const taken = owners.slice(0, 4).map(owner => slots.take(owner))
  t.same(
    taken.map((slot, index) => slots.has(slot, owners[index]!)),
    [true, true, true, true]
  )
  const addresses = taken.map(slot => slots.address(slot))
  t.same(
    addresses.map(at => at - addresses[0]!),
    [0, 32, 64, 96]
  )
  t.ok(addresses[0]! % 16 === 0 && addresses[3]! + 32 <= laneBytes.length)
  for (const owner of owners.slice(4)) taken.push(slots.take(owner))
  t.same(taken.slice(4), taken.slice(0, 2))
  t.same(
    taken.map((slot, index) => slots.has(slot, owners[index]!)),
    [false, false, true, true, true, true]
  )
})

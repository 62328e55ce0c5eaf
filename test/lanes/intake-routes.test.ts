import t from 'tap'
import { IntakeRoutes } from '../../src/lanes/intake-routes.ts'
import { FrameBlock } from '../../src/lib/frame-block.ts'

const blockOf = (...intakes: number[]): FrameBlock => {
  const block = new FrameBlock()
  for (const intake of intakes) block.append(Buffer.from('x'), 0, 1, intake)
  return block
}

t.test('an intake is pinned until its lane has seen formats without state, and for good by one with state', async t => {
  const routes = new IntakeRoutes(2)
  const first = routes.open([0])
  const second = routes.open([0])
  t.equal(routes.laneOf(blockOf(first, first)), routes.of(first).lane)
  t.equal(routes.laneOf(blockOf(first, second)), 'several', 'they lie on different lanes')
  routes.pin({ intake: first, pinned: false }, 0)
  t.equal(routes.laneOf(blockOf(first)), undefined, 'any lane')
  t.equal(routes.laneOf(blockOf(first, second)), routes.of(second).lane)
  routes.pin({ intake: first, pinned: true }, 1)
  t.equal(routes.laneOf(blockOf(first)), 1, 'the lane that has the state')
  routes.pin({ intake: first, pinned: false }, 0)
  t.equal(routes.laneOf(blockOf(first)), 1, 'whatever another lane says later')
})

t.test('a closed intake stays until the lanes are told', async t => {
  const routes = new IntakeRoutes(2)
  const intake = routes.open([3])
  routes.of(intake).opened[1] = true
  routes.close(intake)
  t.same(routes.openedOn(1), [[intake, [3]]])
  t.same(routes.takeClosed(), [{ intake, opened: [false, true] }])
  t.same(routes.takeClosed(), [])
  t.equal(routes.find(intake), undefined)
})

t.test('sources change for all intakes, and a lane that ended knows none', async t => {
  const routes = new IntakeRoutes(1)
  const [kept, left] = [routes.open([0]), routes.open([0])]
  for (const intake of [kept, left]) routes.of(intake).opened[0] = true
  routes.rebind(new Map([[kept, [1, 2]]]))
  t.same(routes.openedOn(0), [
    [kept, [1, 2]],
    [left, []]
  ])
  routes.forgetLane(0)
  t.same(routes.openedOn(0), [])
})

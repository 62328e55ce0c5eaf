import t from 'tap'
import { CalmWatch } from '../../src/pipeline/calm.ts'

const told = (bytes: readonly number[]): boolean[] => {
  const watch = new CalmWatch()
  return bytes.map(sum => watch.observe(sum))
}

t.test('calm after a load is told once, at the second calm look', async t => {
  t.same(told([0, 50e6, 100e6, 100e6, 100e6, 100e6]), [false, false, false, false, true, false])
})

t.test('a pause of one look is no calm, and single lines are', async t => {
  t.same(told([100e6, 100e6, 200e6, 200.5e6, 201e6]), [false, false, false, false, true])
})

t.test('little is no load, but adds up', async t => {
  t.same(told([0, 30e6, 30e6, 30e6, 65e6, 65e6, 65e6]), [false, false, false, false, false, false, true])
})

t.test('each load is told of', async t => {
  t.same(told([70e6, 70e6, 70e6, 70e6, 140e6, 140e6, 140e6]), [false, false, true, false, false, false, true])
})

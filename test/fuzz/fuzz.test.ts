/** Each target for a moment, from fixed seeds, and every case that was ever found. `npm run fuzz` goes on for longer. */
import t from 'tap'
import { Chance } from '../fault/chance.ts'
import { fuzz } from './fuzz.ts'
import { Cases, cutAtRandom, failureOf, keptCases, shrunk } from './target.ts'
import { TARGETS } from './targets.ts'

t.setTimeout(600_000)
const SEED = 20_260_105
const SECONDS = 0.7
const CASES_MAX = 5000

for (const target of TARGETS) {
  t.test(`${target.name}: nothing throws, hangs or depends on where a chunk ends`, async t => {
    for (const { name, input } of keptCases(target)) t.equal(String(await failureOf(target, input)), 'undefined', `kept case ${name}`)
    const cases = new Cases(target)
    const endMs = performance.now() + SECONDS * 1000
    let index = 0
    let failure: unknown
    for (; failure === undefined && index < CASES_MAX && performance.now() < endMs; index++)
      failure = await cases.run(SEED, index).catch((error: unknown) => error)
    t.equal(
      String(failure),
      'undefined',
      `${index} cases; npm run fuzz -- --target ${target.name} --seed ${SEED} --from ${index - 1} --cases 1`
    )
    t.ok(index > 0)
  })
}

t.test('the harness: in a thread that is watched', async t => {
  const { cases, failure } = await fuzz('protocol-proxy', { seed: SEED, seconds: 60, from: 0, casesMax: 300, keeps: false })
  t.same([cases, failure], [300, undefined])
})

t.test('the harness: a seed repeats its cases, finds a fault, and makes it small', async t => {
  const target = {
    name: 'harness',
    seeds: () => [Buffer.from('key="value" other="thing"')],
    check(input: Buffer) {
      if (input.includes('""')) throw new Error('found')
    }
  }
  const cases = new Cases(target)
  t.same(cases.make(7, 9).input, cases.make(7, 9).input)
  t.notSame(cases.make(7, 9).input, cases.make(7, 10).input)
  let found: Buffer | undefined
  for (let index = 0; index < 5000 && found === undefined; index++) {
    const { input } = cases.make(1, index)
    if ((await failureOf(target, input)) !== undefined) found = input
  }
  t.ok(found, 'found')
  t.equal(String(await shrunk(target, found!)), '""')
  const chance = new Chance(3)
  for (const length of [0, 1, 2, 50, 5000]) {
    const bytes = Buffer.alloc(length, 'abc')
    t.ok(Buffer.concat(cutAtRandom(bytes, chance)).equals(bytes), `${length} bytes, cut and joined`)
  }
})

/**
 * What was receipted arrives, whatever happens. FAULT_SEED=n repeats one seed, FAULT_SEEDS=n runs so many (10 without it). A seed
 * repeats the decisions; the moment of a kill depends on the machine as well.
 */
import { randomInt } from 'node:crypto'
import t from 'tap'
import { runSeed } from './oracle-run.ts'

const RUN_MS = 200_000

const one = process.env.FAULT_SEED
const seeds = one === undefined ? Array.from({ length: Number(process.env.FAULT_SEEDS ?? 10) }, () => randomInt(2 ** 32)) : [Number(one)]

t.setTimeout(seeds.length * RUN_MS)
// A run mostly waits, so two share the time.
t.jobs = 2

t.ok(seeds.length > 0 && seeds.every(Number.isSafeInteger), 'FAULT_SEED and FAULT_SEEDS are numbers')

for (const seed of seeds) {
  t.test(
    `seed ${seed}: every receipted line arrives or is set aside by name, and fresh lines get through`,
    { timeout: RUN_MS, buffered: true },
    async t => {
      const { problems, ...report } = await runSeed(seed)
      t.comment(JSON.stringify(report, undefined, 1))
      t.same(problems, [], `FAULT_SEED=${seed} repeats it`)
      for (const [protocol, { arrived }] of Object.entries(report.protocols)) t.ok(arrived > 0, `lines arrived over ${protocol}`)
    }
  )
}

/**
 * What was receipted arrives, whatever happens. FAULT_SEED=n repeats one seed, FAULT_SEEDS=n runs so many new ones; without either the same
 * ten run, so that what fails is of the change. A seed repeats the decisions; the moment of a kill depends on the machine as well.
 */
import { randomInt } from 'node:crypto'
import t from 'tap'
import { runSeed } from './oracle-run.ts'

const RUN_MS = 500_000
/** What a run needs to end and keep its evidence when its time is up. */
const CLOSE_MS = 60_000

const SEEDS = [1709716248, 1032660725, 249669509, 3868753439, 4113844415, 1846317552, 3741368576, 503152833, 571775419, 3036031231]

const { FAULT_SEED: one, FAULT_SEEDS: many } = process.env
const drawn = (count: number): number[] => Array.from({ length: count }, () => randomInt(2 ** 32))
const seeds = one !== undefined ? [Number(one)] : many !== undefined ? drawn(Number(many)) : SEEDS

t.setTimeout(seeds.length * (RUN_MS + CLOSE_MS))
// A run mostly waits, so two share the time.
t.jobs = 2

t.ok(seeds.length > 0 && seeds.every(Number.isSafeInteger), 'FAULT_SEED and FAULT_SEEDS are numbers')

for (const seed of seeds) {
  t.test(
    `seed ${seed}: every receipted line arrives or is set aside by name, and fresh lines get through`,
    { timeout: RUN_MS + CLOSE_MS, buffered: true },
    async t => {
      const { problems, ...report } = await runSeed(seed, RUN_MS)
      t.comment(JSON.stringify(report, undefined, 1))
      t.same(problems, [], `FAULT_SEED=${seed} repeats it`)
      for (const [protocol, { arrived }] of Object.entries(report.protocols)) t.ok(arrived > 0, `lines arrived over ${protocol}`)
    }
  )
}

/**
 * `npm run fuzz [-- --seconds 60] [--seed N] [--target NAME …] [--jobs N]`: every target for so long, some at a time. Prints the seed that
 * repeats a failure, keeps the shortest input that still fails in `corpus/`, and exits 1. `--from N --cases 1` runs one case again.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.ts'
import { TARGETS } from './targets.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    target: { type: 'string', multiple: true, default: [] },
    jobs: { type: 'string' },
    from: { type: 'string', default: '0' },
    cases: { type: 'string' }
  }
})
const seed = Number(values.seed ?? Date.now() % 2 ** 31)
const seconds = Number(values.seconds)
const jobs = Number(values.jobs ?? 2 * availableParallelism())
const unknown = values.target.filter(name => !TARGETS.some(target => target.name === name))
if (unknown.length > 0 || !(seconds > 0) || !Number.isInteger(seed) || !(jobs >= 1)) {
  console.error(
    unknown.length > 0 ? `no target ${unknown.join(', ')}; there are ${TARGETS.map(({ name }) => name).join(', ')}` : 'bad arguments'
  )
  process.exit(2)
}
const names = values.target.length > 0 ? values.target : TARGETS.map(({ name }) => name)
console.log(`seed ${seed}: ${names.length} targets, ${seconds} s each, ${jobs} at a time`)

let failures = 0
const rest = names.values()
await Promise.all(
  Array.from({ length: Math.min(jobs, names.length) }, async () => {
    for (const target of rest) {
      const { cases, failure, grownBytes } = await fuzz(target, {
        seed,
        seconds,
        from: Number(values.from),
        casesMax: Number(values.cases ?? Number.MAX_SAFE_INTEGER),
        keeps: true
      })
      if (failure === undefined)
        console.log(`${target.padEnd(24)} ${String(cases).padStart(8)} cases, grown by ${(grownBytes / 1e6).toFixed(1)} MB`)
      else {
        failures++
        console.log(`${target}: ${failure.message}`)
        console.log(`  again: npm run fuzz -- --target ${target} --seed ${seed} --from ${failure.index} --cases 1`)
        if (failure.kept !== undefined) console.log(`  kept: ${failure.kept}`)
      }
    }
  })
)
process.exit(failures > 0 ? 1 : 0)

/**
 * `npm run bench:compare [-- FILE [FILE]]`: what got slower, or lossier, or larger. Compares each case of the newest kept run that has
 * it, figure by figure, with the newest run before that has the same figure; with one FILE, with that run, and with two, the second
 * with the first. Ends with 0: figures of different moments of a machine are for a person to judge.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { figure, type Machine, printTable } from './report.ts'

const RESULTS = fileURLToPath(new URL('./results/', import.meta.url))
/** Smaller changes are noise on the machines that this was written on. */
const NOISE = 0.1

/** Figures that are compared, by the end of their name: whether more of it is better. */
const BETTER: readonly [end: string, direction: 'more' | 'less'][] = [
  ['linesPerSecond', 'more'],
  ['megabytesPerSecond', 'more'],
  ['megabytesPerCpuSecond', 'more'],
  ['cpuSecondsPerMillionLines', 'less'],
  ['cpuMicrosecondsPerDatagram', 'less'],
  ['nsPerLine', 'less'],
  ['Milliseconds', 'less'],
  ['secondsUntilReady', 'less'],
  ['Megabytes', 'less'],
  ['lost', 'less']
]
/** What tells the rows of a case apart. */
const KEYS = ['name', 'parser', 'load', 'buffer', 'rate', 'sent', 'connections', 'sources', 'segments', 'gigabytes', 'seconds']

/** A file of bench/results/. */
export interface Kept {
  name: string
  run: { machine: Pick<Machine, 'date' | 'commit' | 'cpu' | 'cores'> } & Record<string, unknown>
}

/** Every figure of a run by where it stands: `tcp · Sluice, 2 lanes · linesPerSecond`. */
export function figuresOf(run: Record<string, unknown>): Map<string, number> {
  const found = new Map<string, number>()
  const walk = (value: unknown, path: string[]): void => {
    if (Array.isArray(value)) for (const item of value) walk(item, path)
    else if (typeof value === 'object' && value !== null) {
      const row = value as Record<string, unknown>
      const own = KEYS.filter(key => typeof row[key] === 'string' || typeof row[key] === 'number').map(key =>
        key === 'name' ? String(row[key]) : `${key} ${row[key]}`
      )
      for (const [key, inner] of Object.entries(row)) {
        if (typeof inner === 'number' && !KEYS.includes(key)) found.set([...path, ...own, key].join(' · '), inner)
        else if (typeof inner === 'object') walk(inner, [...path, ...own, key])
      }
    }
  }
  for (const [name, result] of Object.entries(run)) if (name !== 'machine') walk(result, [name])
  return found
}

export interface Change {
  what: string
  /** Commit of the run before. */
  against: string
  before: number
  after: number
  /** Of the figure before; positive is better. */
  gain: number
}

/** Figures of one case of one run that were compared with those of another. */
export interface Comparison {
  case: string
  before: Kept
  after: Kept
  figures: number
  /** By more than noise. */
  changes: Change[]
}

/** Each case of the newest of `afters` that has it, its figures with the newest of `befores` that has each; both oldest first. */
export function comparisonsOf(befores: readonly Kept[], afters: readonly Kept[]): Comparison[] {
  const comparisons: Comparison[] = []
  for (const name of casesOf(afters)) {
    const after = afters.findLast(({ run }) => name in run)!
    const earlier = befores.includes(after) ? befores.slice(0, befores.indexOf(after)) : befores
    const olds = earlier.filter(({ run }) => name in run).map(kept => ({ kept, figures: figuresOf({ [name]: kept.run[name] }) }))
    for (const [what, value] of figuresOf({ [name]: after.run[name] })) {
      const old = olds.findLast(({ figures }) => figures.has(what))
      if (old === undefined) continue
      const { kept: before, figures } = old
      let one = comparisons.find(other => other.case === name && other.before === before)
      if (one === undefined) comparisons.push((one = { case: name, before, after, figures: 0, changes: [] }))
      one.figures++
      const change = changeOf(what, before.run.machine.commit, figures.get(what)!, value)
      if (change !== undefined) one.changes.push(change)
    }
  }
  return comparisons
}

const casesOf = (runs: readonly Kept[]): string[] => [
  ...new Set(runs.toReversed().flatMap(({ run }) => Object.keys(run).filter(key => key !== 'machine')))
]

function changeOf(what: string, against: string, before: number, after: number): Change | undefined {
  const better = BETTER.find(([end]) => what.endsWith(end))?.[1]
  if (better === undefined || before === after) return undefined
  const relative = before === 0 ? 1 : Math.abs(after - before) / Math.abs(before)
  if (relative < NOISE) return undefined
  return { what, against, before, after, gain: (better === 'more') === after > before ? relative : -relative }
}

/** A line for each two runs, with the cases compared; of a case whose figures are from several runs, how many. */
export function describe(comparisons: readonly Comparison[]): string[] {
  const lines = new Map<string, string[]>()
  for (const { case: name, before, after, figures } of comparisons) {
    const runs = `${nameOf(after)} against ${nameOf(before)}`
    const isSplit = comparisons.some(other => other.case === name && other.before !== before)
    lines.set(runs, [...(lines.get(runs) ?? []), isSplit ? `${name} (${figures} of its figures)` : name])
  }
  return [...lines].map(([runs, cases]) => `${runs}: ${cases.join(', ')}`)
}

/** `648c68b of 2026-11-28 13:12`. */
const nameOf = ({ run: { machine } }: Kept): string => `${machine.commit} of ${machine.date.slice(0, 16).replace('T', ' ')}`

const isOtherMachine = ({ before: { run: before }, after: { run: after } }: Comparison): boolean =>
  before.machine.cpu !== after.machine.cpu || before.machine.cores !== after.machine.cores

function main(): void {
  const kept = readdirSync(RESULTS)
    .filter(name => name.endsWith('.json'))
    .map(name => ({ name, run: JSON.parse(readFileSync(`${RESULTS}${name}`, 'utf8')) as Kept['run'] }))
    .sort((a, b) => a.run.machine.date.localeCompare(b.run.machine.date))
  const [first, second] = process.argv.slice(2).map(name => {
    const found = kept.find(run => name.endsWith(run.name))
    if (found === undefined) console.error(`bench: no kept run ${name}; there are ${kept.map(run => run.name).join(', ')}`)
    return found ?? process.exit(2)
  })
  const comparisons = comparisonsOf(first === undefined ? kept : [first], second === undefined ? kept : [second])
  if (comparisons.length === 0) {
    console.log('There are no two kept runs of the same case in bench/results/.')
    return
  }
  for (const line of describe(comparisons)) console.log(line)
  if (first === undefined) {
    const alone = casesOf(kept).filter(name => comparisons.every(one => one.case !== name))
    if (alone.length > 0) console.log(`Measured once: ${alone.join(', ')}`)
  }
  const others = describe(comparisons.filter(isOtherMachine))
  if (others.length > 0) console.log(`Of different machines, only ratios compare:\n  ${others.join('\n  ')}`)
  const changes = comparisons.flatMap(one => one.changes).sort((a, b) => a.gain - b.gain)
  const rows = (of: Change[]): string[][] =>
    of.map(({ what, against, before, after, gain }) => [
      what,
      against,
      figure(before),
      figure(after),
      `${gain > 0 ? '+' : '−'}${Math.round(Math.abs(gain) * 100)} %`
    ])
  const head = ['figure', 'against', 'before', 'after', 'change']
  printTable({ title: `Worse by more than ${NOISE * 100} %`, head, rows: rows(changes.filter(({ gain }) => gain < 0)) })
  printTable({ title: `Better by more than ${NOISE * 100} %`, head, rows: rows(changes.filter(({ gain }) => gain > 0).reverse()) })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()

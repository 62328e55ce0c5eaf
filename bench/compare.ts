/**
 * `npm run bench:compare [-- FILE [FILE]]`: what got slower, or lossier, or larger. Compares a kept run with the one before it; with
 * one FILE, that run with the last one. Cases that are not in both are left out. Ends with 0: figures of different moments of a
 * machine are for a person to judge.
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

type Run = { machine: Machine } & Record<string, unknown>

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
  before: number
  after: number
  /** Of the figure before; positive is better. */
  gain: number
}

/** What changed by more than noise, the worst first. */
export function changesOf(before: Record<string, unknown>, after: Record<string, unknown>): Change[] {
  const old = figuresOf(before)
  const changes: Change[] = []
  for (const [what, value] of figuresOf(after)) {
    const was = old.get(what)
    const better = BETTER.find(([end]) => what.endsWith(end))?.[1]
    if (was === undefined || better === undefined || was === value) continue
    const relative = was === 0 ? 1 : Math.abs(value - was) / Math.abs(was)
    if (relative < NOISE) continue
    changes.push({ what, before: was, after: value, gain: (better === 'more') === value > was ? relative : -relative })
  }
  return changes.sort((a, b) => a.gain - b.gain)
}

function main(): void {
  const kept = readdirSync(RESULTS)
    .filter(name => name.endsWith('.json'))
    .map(name => ({ name, run: JSON.parse(readFileSync(`${RESULTS}${name}`, 'utf8')) as Run }))
    .sort((a, b) => a.run.machine.date.localeCompare(b.run.machine.date))
  const [first, second] = process.argv.slice(2)
  const find = (name: string | undefined) => kept.find(run => name?.endsWith(run.name))
  const after = find(second) ?? kept.at(-1)
  const before = find(first) ?? kept.filter(one => one !== after).findLast(one => sharesCase(one.run, after?.run))
  if (before === undefined || after === undefined) {
    console.log('There are no two kept runs of the same case in bench/results/.')
    return
  }
  console.log(`${after.name} against ${before.name}`)
  const { cpu, cores } = before.run.machine
  if (cpu !== after.run.machine.cpu || cores !== after.run.machine.cores)
    console.log('They are of different machines: only ratios compare.')
  const changes = changesOf(before.run, after.run)
  const rows = (of: Change[]): string[][] =>
    of.map(({ what, before, after, gain }) => [
      what,
      figure(before),
      figure(after),
      `${gain > 0 ? '+' : '−'}${Math.round(Math.abs(gain) * 100)} %`
    ])
  const head = ['figure', 'before', 'after', 'change']
  printTable({ title: `Worse by more than ${NOISE * 100} %`, head, rows: rows(changes.filter(({ gain }) => gain < 0)) })
  printTable({ title: `Better by more than ${NOISE * 100} %`, head, rows: rows(changes.filter(({ gain }) => gain > 0).reverse()) })
}

const sharesCase = (one: Run, other: Run | undefined): boolean =>
  Object.keys(one).some(name => name !== 'machine' && other !== undefined && name in other)

if (process.argv[1] === fileURLToPath(import.meta.url)) main()

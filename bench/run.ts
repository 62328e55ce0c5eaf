/**
 * `npm run bench [-- CASE…] [--short] [--json]`: prints tables and keeps the results in bench/results/. Figures are medians of
 * interleaved rounds; compare ratios, not single runs. `--short` takes seconds a case, and three minutes for those of CI when none is
 * named; it keeps nothing. `--gigabytes N` is the size of the backlog that drains (1).
 * `npm run bench -- soak [--minutes N] [--lines KIND]`: ten minutes of 1,000 TLS senders; runs only when it is named.
 * `npm run bench -- memory [--minutes N]`: a minute of full load. `tls-memory [--minutes N]`: twenty over 1,000
 * connections with TLS; runs only when it is named.
 * `npm run bench -- scaling [--piece-kib N]`: with rows of 1 and of 10,000 connections in writes of so many KiB.
 * `npm run bench -- tcp --profile [--lines KIND] [--connections N]`: where the time goes, by thread, stage and function, over four
 * connections or over so many that stay open; measures nothing else.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { CASES, SHORT_CASES } from './cases.ts'
import { profileTcp } from './profile.ts'
import { describeMachine, printMachine, printTable } from './report.ts'
import { LOADS, type Load } from './whole-path.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    lines: { type: 'string', default: 'fortinet-fortigate' },
    gigabytes: { type: 'string', default: '1' },
    'piece-kib': { type: 'string' },
    connections: { type: 'string' },
    minutes: { type: 'string' },
    json: { type: 'boolean', default: false }
  }
})
const { short } = values
const connections = optionalNumber(values.connections)
const minutes = optionalNumber(values.minutes)
const pieceKib = optionalNumber(values['piece-kib'])
const asked = positionals.length > 0 ? positionals : short ? SHORT_CASES : names(CASES.filter(({ isLong }) => !isLong))
const wanted = CASES.filter(({ name }) => asked.includes(name))
refuse('case', positionals, names(CASES))
refuse('lines', [values.lines], LOADS)

/** Ends with a list of what there is when something asked for is not. */
function refuse(what: string, asked: readonly string[], known: readonly string[]): void {
  const unknown = asked.filter(name => !known.includes(name))
  if (unknown.length === 0) return
  console.error(`bench: unknown ${what} ${unknown.join(', ')}; there are ${known.join(', ')}`)
  process.exit(2)
}

function optionalNumber(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const number = Number(value)
  if (number > 0) return number
  console.error(`bench: ${value} is no number above 0`)
  process.exit(2)
}

function names(of: readonly { name: string }[]): string[] {
  return of.map(({ name }) => name)
}

async function profile(): Promise<void> {
  const { folder, threads } = await profileTcp(values.lines as Load, short ? 480e6 : 1920e6, connections)
  for (const { thread, seconds, stages, functions } of threads) {
    const rows = (of: [string, number][]): string[][] => of.map(([name, share]) => [name, (100 * share).toFixed(1)])
    printTable({ title: `${thread} thread, ${seconds.toFixed(2)} s busy: by stage`, head: ['stage', '%'], rows: rows(stages) })
    printTable({ title: `${thread} thread: by function`, head: ['function', '%'], rows: rows(functions) })
  }
  console.log(`\nProfiles to look at in a browser's developer tools: ${folder}`)
}

async function measure(): Promise<void> {
  const machine = describeMachine()
  printMachine(machine)
  const results: Record<string, unknown> = { machine }
  for (const one of wanted) {
    const { result, tables } = await one.run({
      short,
      gigabytes: Number(values.gigabytes),
      minutes,
      pieceKib,
      lines: values.lines as Load
    })
    results[one.name] = result
    for (const table of tables) printTable(table)
  }
  if (!short) {
    const file = new URL(`./results/${machine.date.slice(0, 10)}-${machine.commit}.json`, import.meta.url)
    const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {} // other cases of the same commit
    writeFileSync(file, `${JSON.stringify({ ...before, ...results }, undefined, 2)}\n`)
  }
  if (values.json) console.log(JSON.stringify(results))
}

await (values.profile ? profile() : measure())

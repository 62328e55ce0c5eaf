/**
 * Reads what the conformance tool printed with --verbose and --json on standard input, prints the score as a table, and fails when it
 * is below the floor or when a line is wrong that docs/conformance.md does not name with its reason:
 * `… | node test/conformance-gate.ts`. .ci/run calls it where the samples are.
 */
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'

/**
 * Shares in percent. `lines` and `fields` are what the tool counts. `agreed` counts a line as right, too, when the document shows
 * why the expected value is not what a record holds; as every miss must be named there, it is 100 in the end.
 */
const FLOOR = { lines: 96.4, fields: 99, agreed: 97 }

interface Score {
  folders: number
  lines: number
  linesRight: number
  fields: number
  fieldsRight: number
  /** Folders for which there were no answers, or too few. */
  failed: number
}

const printed = (await text(process.stdin)).split('\n')
const json = printed.find(line => line.startsWith('{'))
if (json === undefined) throw new Error(`Cannot find the score in what the conformance tool printed: "${printed.join('\n').slice(0, 200)}"`)
const { total, rows } = JSON.parse(json) as {
  total: Score
  rows: (Omit<Score, 'folders' | 'failed'> & { folder: string; note?: string })[]
}
const misses = printed.flatMap(line => /^([a-z0-9-]+:\d+): /.exec(line)?.[1] ?? [])

/** `folder:line` of each miss that the document names; `:3` after `folder:2` is of the same folder. */
function named(document: string): Set<string> {
  const found = new Set<string>()
  let folder = ''
  for (const [, name, number] of document.matchAll(/`([a-z0-9-]*):(\d+)`/g)) {
    if (name !== '') folder = name!
    found.add(`${folder}:${number}`)
  }
  return found
}

const share = (right: number, of: number): number => (of === 0 ? 0 : (100 * right) / of)
for (const { folder, lines, linesRight, fields, fieldsRight, note } of rows) {
  if (linesRight < lines || note !== undefined)
    console.log(`${folder.padEnd(36)} lines ${linesRight}/${lines}  fields ${fieldsRight}/${fields}  ${note ?? ''}`.trimEnd())
}
const explained = named(readFileSync(new URL('../docs/conformance.md', import.meta.url), 'utf8'))
const unexplained = misses.filter(miss => !explained.has(miss))
const lines = share(total.linesRight, total.lines)
const fields = share(total.fieldsRight, total.fields)
const agreed = share(total.lines - unexplained.length, total.lines)
console.log(
  `conformance: ${total.folders} folders, lines ${lines.toFixed(1)} % (${total.linesRight}/${total.lines}), fields ${fields.toFixed(1)} % (${total.fieldsRight}/${total.fields}); ${misses.length - unexplained.length} of ${misses.length} misses are explained in docs/conformance.md`
)
const faults = [
  ...(total.failed > 0 ? [`${total.failed} folders without an answer to each line`] : []),
  ...(total.linesRight + misses.length !== total.lines ? ['the tool named other misses than it counted'] : []),
  ...(lines < FLOOR.lines || fields < FLOOR.fields || agreed < FLOOR.agreed
    ? [`below the floor of ${FLOOR.lines} % of lines and ${FLOOR.fields} % of fields`]
    : []),
  ...(unexplained.length > 0 ? [`not named in docs/conformance.md: ${unexplained.join(' ')}`] : [])
]
for (const fault of faults) console.log(`conformance: ${fault}`)
if (faults.length > 0) process.exitCode = 1

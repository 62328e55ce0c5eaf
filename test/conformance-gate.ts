/**
 * Reads what the conformance tool printed with --json on standard input, prints it as a table, and fails below the floor:
 * `… | node test/conformance-gate.ts`. .ci/run calls it where the samples are.
 */
import { text } from 'node:stream/consumers'

/** Shares of lines and of fields that must be right, in percent. */
const FLOOR = { lines: 97, fields: 99 }

interface Score {
  folders: number
  lines: number
  linesRight: number
  fields: number
  fieldsRight: number
  /** Folders for which there were no answers, or too few. */
  failed: number
}

const printed = await text(process.stdin)
const line = printed.split('\n').find(line => line.startsWith('{'))
if (line === undefined) throw new Error(`Cannot find the score in what the conformance tool printed: "${printed.slice(0, 200)}"`)
const { total, rows } = JSON.parse(line) as {
  total: Score
  rows: (Omit<Score, 'folders' | 'failed'> & { folder: string; note?: string })[]
}

const share = (right: number, of: number): number => (of === 0 ? 0 : (100 * right) / of)
for (const { folder, lines, linesRight, fields, fieldsRight, note } of rows) {
  if (linesRight < lines || note !== undefined)
    console.log(`${folder.padEnd(36)} lines ${linesRight}/${lines}  fields ${fieldsRight}/${fields}  ${note ?? ''}`.trimEnd())
}
const lines = share(total.linesRight, total.lines)
const fields = share(total.fieldsRight, total.fields)
console.log(
  `conformance: ${total.folders} folders, lines ${lines.toFixed(1)} % (${total.linesRight}/${total.lines}), fields ${fields.toFixed(1)} % (${total.fieldsRight}/${total.fields})`
)
if (total.failed > 0) console.log(`conformance: ${total.failed} folders without an answer to each line`)
if (lines < FLOOR.lines || fields < FLOOR.fields || total.failed > 0) {
  console.log(`conformance: below the floor of ${FLOOR.lines} % of lines and ${FLOOR.fields} % of fields`)
  process.exitCode = 1
}

/**
 * Reads what the conformance tool printed with --verbose and --json on standard input, prints the score as a table, and fails when it
 * is below the floor, when a line is wrong that docs/conformance.md does not name with its reason, or when it names one that is right:
 * `… | node test/conformance-gate.ts`. .ci/run calls it where the samples are.
 */
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'

/**
 * Shares in percent. `fields` is what the tool counts. `lines` is the share over the samples that are not wrong, which are those that
 * the document does not show to contradict the rules of a record, their own bytes or another line of the corpus, and the share over
 * all lines when a path that is expected is compared with the path of the record's URL.
 */
const FLOOR = { lines: 97, fields: 99 }
/** Section of the document that holds the wrong samples. */
const WRONG = '## Samples that are wrong'

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
/** A miss of nothing but a path, as the line prints it, in place of the absolute URL with that path. */
const PATH_ONLY = /^[a-z0-9-]+:\d+: url: wanted "(\/[^"]*)", got "https?:\/\/[^/"]+([^"]*)"$/
const samePaths = printed.filter(line => {
  const [, wanted, got] = PATH_ONLY.exec(line) ?? []
  return wanted !== undefined && wanted === got
}).length
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

/** The text of a section of the second level, without its heading. */
function section(document: string, heading: string): string {
  const [, after = ''] = document.split(`\n${heading}\n`)
  return after.split('\n## ')[0]!
}

const share = (right: number, of: number): number => (of === 0 ? 0 : (100 * right) / of)
for (const { folder, lines, linesRight, fields, fieldsRight, note } of rows) {
  if (linesRight < lines || note !== undefined)
    console.log(`${folder.padEnd(36)} lines ${linesRight}/${lines}  fields ${fieldsRight}/${fields}  ${note ?? ''}`.trimEnd())
}
const document = readFileSync(new URL('../docs/conformance.md', import.meta.url), 'utf8')
const explained = named(document)
const wrongOnes = named(section(document, WRONG))
const unexplained = misses.filter(miss => !explained.has(miss))
const wrong = misses.filter(miss => wrongOnes.has(miss)).length
const stale = [...explained].filter(name => !misses.includes(name))
const lines = share(total.linesRight, total.lines)
const fields = share(total.fieldsRight, total.fields)
const withPaths = share(total.linesRight + samePaths, total.lines)
const ofGood = share(total.linesRight, total.lines - wrong)
console.log(
  `conformance: ${total.folders} folders, lines ${lines.toFixed(1)} % (${total.linesRight}/${total.lines}), ${withPaths.toFixed(1)} % (${total.linesRight + samePaths}) with printed paths compared with paths, ${ofGood.toFixed(1)} % of the ${total.lines - wrong} whose sample is not wrong, fields ${fields.toFixed(1)} % (${total.fieldsRight}/${total.fields}); ${misses.length - unexplained.length} of ${misses.length} misses are explained in docs/conformance.md`
)
const faults = [
  ...(total.failed > 0 ? [`${total.failed} folders without an answer to each line`] : []),
  ...(total.linesRight + misses.length !== total.lines ? ['the tool named other misses than it counted'] : []),
  ...(ofGood < FLOOR.lines || withPaths < FLOOR.lines || fields < FLOOR.fields
    ? [
        `below the floor of ${FLOOR.lines} % of lines, with printed paths compared with paths, of those whose sample is not wrong, and ${FLOOR.fields} % of fields`
      ]
    : []),
  ...(stale.length > 0 ? [`named in docs/conformance.md, but right: ${stale.join(' ')}`] : []),
  ...(unexplained.length > 0 ? [`not named in docs/conformance.md: ${unexplained.join(' ')}`] : [])
]
for (const fault of faults) console.log(`conformance: ${fault}`)
if (faults.length > 0) process.exitCode = 1

/** What docs/templates.md shows is what happens. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseConfig } from '../../../src/config/load.ts'
import { packageRoot } from '../../../src/lib/package-root.ts'
import { templateFaults } from '../../../src/parse/template/compile.ts'
import { readLines } from './reading.ts'

const document = readFileSync(join(packageRoot(), 'docs/templates.md'), 'utf8')
const examples = [...document.matchAll(/```yaml\n([\s\S]*?)```\s+```log\n([\s\S]*?)```\s+```json\n([\s\S]*?)```/g)]

const linesOf = (block: string): string[] => block.trimEnd().split('\n')

t.test('there is an example of every kind of template', async t => {
  for (const kind of ['zscaler_feed', 'squid_logformat', 'w3c_fields', 'csv_header', 'kind: csv', 'kind: key-value'])
    t.ok(
      examples.some(([, yaml]) => yaml!.includes(kind)),
      kind
    )
  t.equal(document.match(/```yaml/g)?.length, examples.length, 'every configuration has lines and records')
})

for (const [, yaml, log, json] of examples) {
  const { config, warnings } = parseConfig(yaml!, { env: {}, cwd: '/', file: 'docs/templates.md', checkTemplate: templateFaults })
  const { name, template, time_zone } = config.sources[0]!
  t.test(`the lines of ${name} become the records shown`, async t => {
    t.same(warnings, [])
    const answers = readLines(template!, linesOf(log!), time_zone)
    t.same(
      answers.map(({ outcome, record }) => ({ outcome, record })),
      linesOf(json!).map(line => ({ outcome: 'parsed', record: JSON.parse(line) }))
    )
  })
}

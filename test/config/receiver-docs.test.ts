import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { configurationPage } from '../../src/config/config-docs.ts'
import { loadConfig, parseConfig } from '../../src/config/load.ts'
import { RECEIVER_PAGES, withKeys } from '../../src/config/receiver-docs.ts'
import { applianceIds } from '../../src/lib/appliance-ids.ts'
import { testDir } from '../test-dir.ts'

const DIR = join(import.meta.dirname, '../../docs/receivers')

t.test('docs/configuration.md has every key, as the schema says', async t => {
  t.equal(readFileSync(join(DIR, '../configuration.md'), 'utf8'), configurationPage(), 'run: npm run docs')
})

t.test('every type of receiver has a page whose keys are those of the schema', async t => {
  for (const [type, schema] of RECEIVER_PAGES) {
    const page = readFileSync(join(DIR, `${type}.md`), 'utf8')
    t.equal(page, withKeys(page, schema), `docs/receivers/${type}.md: run node src/config/receiver-docs.ts`)
    t.match(page, /^## What a receipt means$/m, `${type} says what its receipt means`)
  }
})

t.test('the configurations on the pages load without a warning', async t => {
  const dir = testDir(t, { secret: 'a-long-secret' })
  for (const type of RECEIVER_PAGES.keys()) {
    const page = readFileSync(join(DIR, `${type}.md`), 'utf8').replaceAll(/\/run\/secrets\/\w+/g, join(dir, 'secret'))
    const blocks = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(match => match[1]!)
    t.ok(blocks.length > 0, `${type} has an example`)
    for (const text of blocks) {
      const { config, warnings } = parseConfig(text, { env: {}, cwd: '/', file: `${type}.md`, appliances: applianceIds() })
      t.same(warnings, [], type)
      t.ok(
        config.receivers.some(receiver => receiver.type === type),
        `${type} is in its example`
      )
    }
  }
})

t.test('a page without a place for the keys is a fault', async t => {
  t.throws(() => withKeys('# Page', RECEIVER_PAGES.get('relp')!), RangeError)
  t.equal(loadConfig({ env: {}, cwd: testDir(t) }).config.receivers[0]!.type, 'syslog', 'the default needs no page to be read first')
})

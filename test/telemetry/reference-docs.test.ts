import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { REFERENCE_PAGES } from '../../src/telemetry/reference-docs.ts'

t.test('the generated pages are what the code says', async t => {
  for (const [name, page] of Object.entries(REFERENCE_PAGES))
    t.equal(
      readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8'),
      page(),
      `docs/${name}: run node src/telemetry/reference-docs.ts`
    )
})

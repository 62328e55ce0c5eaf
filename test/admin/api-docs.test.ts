import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { apiPage } from '../../src/admin/api-docs.ts'
import { packageRoot } from '../../src/lib/package-root.ts'

t.test('docs/api.md lists the routes there are', async t => {
  t.equal(readFileSync(join(packageRoot(), 'docs/api.md'), 'utf8'), await apiPage(), 'run: npm run docs')
})

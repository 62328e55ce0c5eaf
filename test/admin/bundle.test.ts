import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { bundlePage } from '../../src/admin/page/bundle.ts'

const DIR = join(import.meta.dirname, '../../src/admin/page/bundle')

t.test('the committed bundle is what its sources make', async t => {
  for (const [name, text] of await bundlePage()) t.ok(readFileSync(join(DIR, name), 'utf8') === text, `${name}: run npm run page`)
})

t.test('nothing in it is loaded from elsewhere', async t => {
  const files = await bundlePage()
  t.same([...files.keys()].sort(), ['page.js', 'style.css'])
  const links = [...files.values()].flatMap(text => text.match(/https?:\/\/[^\s"'`)]+/g) ?? [])
  t.same(
    links.filter(link => !link.startsWith('http://www.w3.org/') && !link.startsWith('https://github.com/leeoniya/uPlot')),
    [],
    'only names of namespaces, and where uPlot comes from'
  )
})

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/lib/package-root.ts'

interface Bom {
  bomFormat: string
  components: { name: string; version: string; hashes?: unknown[]; purl: string }[]
}

t.test('npm run sbom lists every run-time dependency with its version and checksum, and none of the tests', async t => {
  const cwd = packageRoot()
  const bom = JSON.parse(execFileSync('npm', ['run', '-s', 'sbom'], { cwd, maxBuffer: 1e8 }).toString()) as Bom
  t.equal(bom.bomFormat, 'CycloneDX')
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8')) as Record<
    string,
    Record<string, string>
  >
  const named = new Map(bom.components.map(component => [component.purl.replace(/^pkg:npm\/|@[^@]*$/g, '').replace('%40', '@'), component]))
  for (const name of Object.keys(dependencies!)) t.ok(named.get(name)?.hashes?.length, `${name} ${named.get(name)?.version}`)
  for (const name of ['tap', 'typescript', '@biomejs/biome']) t.ok(name in devDependencies! && !named.has(name), `${name} is not in it`)
})

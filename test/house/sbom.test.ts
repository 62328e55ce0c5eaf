import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/lib/package-root.ts'

interface Component {
  name: string
  hashes?: unknown[]
  properties?: { name: string }[]
}

const isForDevelopment = ({ properties = [] }: Component): boolean => properties.some(({ name }) => name === 'cdx:npm:package:development')

t.test('npm run sbom lists every dependency with its checksum, and says which are for development only', async t => {
  const cwd = packageRoot()
  const text = execFileSync('npm', ['run', '-s', 'sbom'], { cwd, maxBuffer: 1e8 }).toString()
  const { bomFormat, components } = JSON.parse(text) as { bomFormat: string; components: Component[] }
  t.equal(bomFormat, 'CycloneDX')
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8')) as Record<string, object>
  for (const [names, isDevelopment] of [
    [Object.keys(dependencies!), false],
    [Object.keys(devDependencies!), true]
  ] as const) {
    for (const name of names) {
      const found = components.filter(component => component.name === name)
      t.ok(
        found.some(component => component.hashes?.length && (isDevelopment || !isForDevelopment(component))),
        name
      )
    }
  }
  t.ok(components.some(isForDevelopment))
})

/** What the documents say is there is there, and what they show works. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import t, { type Test as Tap } from 'tap'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { applianceIds } from '../../src/lib/appliance-ids.ts'
import { packageRoot } from '../../src/lib/package-root.ts'
import { supportPage } from '../../src/parse/support-page.ts'
import { testDir } from '../test-dir.ts'

const ROOT = packageRoot()
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

const DOCUMENTS = [
  ...readdirSync(ROOT).filter(name => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => join('docs', name))
]

t.test('docs/appliances.md lists the parsers there are', async t => {
  t.equal(read('docs/appliances.md'), await supportPage(), 'run: npm run docs')
})

t.test('links between documents lead somewhere', async t => {
  for (const document of DOCUMENTS) {
    for (const [, target] of read(document).matchAll(/\]\((?!https?:)([^)#]+)/g))
      t.ok(existsSync(join(ROOT, dirname(document), target!)), `${document} links to ${target}`)
  }
})

t.test('files that documents name between backticks exist', async t => {
  for (const document of DOCUMENTS) {
    for (const [, file] of read(document).matchAll(/`((?:src|parsers|test|docs|docker|config|bench)\/[a-z0-9./-]+\.[a-z]+)`/g))
      t.ok(existsSync(join(ROOT, file!)), `${document} names ${file}`)
  }
})

t.test('npm scripts that documents and .ci/run call exist', async t => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  let calls = 0
  for (const file of [...DOCUMENTS, '.ci/run', 'docker/Dockerfile']) {
    for (const [, name] of read(file).matchAll(/npm run (?:-s )?([a-z:]+)/g)) {
      calls++
      t.ok(Object.hasOwn(scripts, name!), `${file} calls npm run ${name}`)
    }
  }
  t.ok(calls > 5)
})

/** Loads a configuration as if it stood in a file; secrets that it takes from files are there. Returns the warnings. */
function warningsOf(t: Tap, text: string): unknown[] {
  const secrets = [...text.matchAll(/\/run\/secrets\/([a-z_-]+)/g)].map(([, name]) => [name!, 'a'.repeat(64)])
  const dir = testDir(t, Object.fromEntries(secrets))
  const path = join(dir, 'sluice.yaml')
  writeFileSync(path, text.replaceAll('/run/secrets', dir))
  return loadConfig({ path, env: { SLUICE_TOKEN: 'a', SLUICE_CLIENT_SECRET: 'b' }, cwd: dir, appliances: applianceIds() }).warnings
}

t.test('configurations that documents show load without a warning', { timeout: 600_000 }, async t => {
  // The pages of appliances are all made alike; test/guide/guides.test.ts loads what differs.
  const shown = DOCUMENTS.filter(document => !document.startsWith('docs/appliances/')).flatMap(document =>
    [...read(document).matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => ({ document, text: text! }))
  )
  t.ok(shown.length > 0)
  for (const { document, text } of shown) t.test(document, async t => t.same(warningsOf(t, text), []))
})

t.test('the configuration of the container loads, its token in a file', async t => {
  t.same(warningsOf(t, read('docker/sluice.yaml')), [])
})

t.test('every decision has its number, a title and what would change it', async t => {
  const decisions = readdirSync(join(ROOT, 'docs/decisions')).sort()
  decisions.forEach((name, index) => {
    t.match(name, new RegExp(`^${String(index + 1).padStart(4, '0')}-[a-z0-9-]+\\.md$`))
    t.match(read(`docs/decisions/${name}`), /^# [\s\S]*^## What would make us change it$/m, name)
  })
})

t.test('each run-time dependency has its reason in decision 4', async t => {
  const { dependencies, optionalDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>
  const names = Object.keys({ ...dependencies, ...optionalDependencies })
  const reasons = read('docs/decisions/0004-dependencies.md')
  t.same(
    names.filter(name => !new RegExp(`[| ,(\`]${name}[ ,)\`]`).test(reasons)),
    []
  )
})

/** Absolute paths of the machine a file was written on. */
const machinePaths = [ROOT, ...(['/', '/tmp', '/home', '/root', '/opt', '/srv'].includes(dirname(ROOT)) ? [] : [`${dirname(ROOT)}/`])]
const LEFT_OUT = new Set(['node_modules', 'unpacked', 'dist', 'data', '.git', 'coverage', '.tap', 'secrets'])

function committedFiles(folder = ROOT): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !LEFT_OUT.has(name))
    .flatMap(entry => (entry.isDirectory() ? committedFiles(join(folder, entry.name)) : [join(folder, entry.name)]))
}

t.test('no file names a path of the machine it was written on', async t => {
  for (const file of committedFiles()) {
    const text = readFileSync(file, 'utf8')
    for (const path of machinePaths) if (text.includes(path)) t.fail(`${relative(ROOT, file)} names ${path}`)
  }
  t.ok(committedFiles().length > 200)
})

for (const lockfile of ['package-lock.json', 'test/azurite/package-lock.json'])
  t.test(`${lockfile} names no mirror, so that it serves everybody, and is sure of what it gets`, async t => {
    const { packages } = JSON.parse(read(lockfile)) as { packages: Record<string, { resolved?: string; integrity?: string }> }
    const faulty = Object.entries(packages).filter(
      ([name, { resolved, integrity }]) =>
        name !== '' && (integrity === undefined || (resolved !== undefined && new URL(resolved).host !== 'registry.npmjs.org'))
    )
    t.same(faulty, [])
  })

t.test('the image is built and run with few rights', async t => {
  const dockerfile = read('docker/Dockerfile')
  t.match(dockerfile, /^USER [1-9]\d*:[1-9]\d*$/m, 'a numeric user that is not root')
  t.match(dockerfile, /^HEALTHCHECK .*"sluice", "healthcheck"/m)
  t.match(dockerfile, /^ENTRYPOINT \["tini"/m)
  t.notMatch(dockerfile, /^# syntax=|:latest/m)
  t.notMatch(dockerfile, /^(ENV|ARG) .*(TOKEN|SECRET|PASSWORD)/im)
  const { services, volumes } = parse(read('docker/compose.yaml')) as {
    services: { sluice: Record<string, unknown> }
    volumes: Record<string, unknown>
  }
  const { sluice } = services
  t.equal(sluice.read_only, true)
  t.same(sluice.cap_drop, ['ALL'])
  t.same(sluice.security_opt, ['no-new-privileges:true'])
  t.same(Object.keys(volumes), ['spool', 'prometheus', 'grafana'])
  t.ok(Number.parseInt(String(sluice.stop_grace_period), 10) > 10, 'longer than a stop may take')
})

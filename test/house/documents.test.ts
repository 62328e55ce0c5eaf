/** What the documents say is there is there, and what they show works. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { applianceIds } from '../../src/lib/appliance-ids.ts'
import { packageRoot } from '../../src/lib/package-root.ts'
import { supportPage } from '../../src/parse/support-page.ts'

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

t.test('configurations that documents show load without a warning', async t => {
  let shown = 0
  for (const document of DOCUMENTS) {
    for (const [, text] of read(document).matchAll(/```yaml\n([\s\S]*?)```/g)) {
      shown++
      const path = join(t.testdir({ 'sluice.yaml': text! }), 'sluice.yaml')
      const env = { SLUICE_TOKEN: 'a', SLUICE_CLIENT_SECRET: 'b' }
      t.same(loadConfig({ path, env, cwd: dirname(path), appliances: applianceIds() }).warnings, [], document)
    }
  }
  t.ok(shown > 0)
})

t.test('the configuration of the container loads, its token in a file', async t => {
  const dir = t.testdir({ token: 'a'.repeat(64) })
  const path = join(t.testdirName, 'sluice.yaml')
  t.testdir({ token: 'a'.repeat(64), 'sluice.yaml': read('docker/sluice.yaml').replace('/run/secrets/admin_token', join(dir, 'token')) })
  t.same(loadConfig({ path, env: {}, cwd: dir, appliances: applianceIds() }).warnings, [])
})

t.test('every decision has its number, a title and what would change it', async t => {
  const decisions = readdirSync(join(ROOT, 'docs/decisions')).sort()
  decisions.forEach((name, index) => {
    t.match(name, new RegExp(`^${String(index + 1).padStart(4, '0')}-[a-z0-9-]+\\.md$`))
    t.match(read(`docs/decisions/${name}`), /^# [\s\S]*^## What would make us change it$/m, name)
  })
})

/** Absolute paths of the machine a file was written on. */
const machinePaths = [ROOT, ...(['/', '/tmp', '/home', '/root', '/opt', '/srv'].includes(dirname(ROOT)) ? [] : [`${dirname(ROOT)}/`])]
const LEFT_OUT = new Set(['node_modules', 'dist', 'data', '.git', 'coverage', '.tap', 'secrets'])

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

t.test('the lockfile names no mirror, so that it serves everybody, and is sure of what it gets', async t => {
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, { resolved?: string; integrity?: string }> }
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
  t.same(Object.keys(volumes), ['spool'])
  t.ok(Number.parseInt(String(sluice.stop_grace_period), 10) > 10, 'longer than a stop may take')
})

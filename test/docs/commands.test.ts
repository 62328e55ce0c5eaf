/**
 * Every shell command that the documents show is run, in a copy of the checkout with a running collector, or stands in the list of
 * those that cannot be run here, with the reason.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/lib/package-root.ts'
import { spawn } from '../child-kit.ts'
import { numberedLine, until } from '../integration/collector-kit.ts'
import { freePorts } from '../port-kit.ts'
import { scratchDir } from '../test-dir.ts'

t.setTimeout(600_000)
const ROOT = packageRoot()

/** Blocks that are not run: what their first line begins with, and why not. */
const NOT_RUN: readonly (readonly [begin: string, why: string])[] = [
  ['npm ci && npm start', 'installs packages; test/integration/npm-start.test.ts runs npm start'],
  ['npm ci && npm test', 'is this test'],
  ['npm ci\n', 'installs packages; the other commands of that block are run elsewhere'],
  ['apt-get install', 'changes the machine'],
  ["echo 'net.core.rmem_max", 'changes the kernel of the machine'],
  ['docker ', 'needs a container engine; docker/smoke.sh builds and runs the image'],
  ['(echo TOKEN) | docker', 'needs a container engine; test/cli/microsoft has its parts'],
  ['mkdir -p docker/secrets', 'needs a container engine; test/observability has its parts'],
  ['cp access.log.gz', 'writes to /var/spool; test/receivers/file-drop.test.ts does the same'],
  ['curl --ftp-ssl-reqd', 'needs a certificate of that name; test/integration/file-receivers.test.ts does the same'],
  ['curl --header "x-sluice-secret', 'needs a certificate of that name; test/integration/receivers.test.ts does the same'],
  ['sftp -P 2222', 'needs keys of that name; test/integration/file-receivers.test.ts does the same'],
  ["echo 'CEF:0|Test|Hand", 'needs a certificate of that name; test/integration/receivers.test.ts does the same'],
  ['npm run -s sluice -- convert', 'needs the run command of a portal; test/cli/convert.test.ts does the same'],
  [
    'npm run -s sluice -- validate -c sluice.yaml --no-environment\nnpm run -s sluice -- parse -c sluice.yaml --source NAME FILE',
    'NAME and FILE are the reader’s; test/parse/template does the same'
  ]
]

const documents = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.md')).map(name => join('docs', name))] // biome-ignore format: a list
const blocks = documents.flatMap(document => [...readFileSync(join(ROOT, document), 'utf8').matchAll(/^```(?:sh|bash|shell|console)\n(.*?)^```/gms)].map(match => ({ document, text: match[1]! }))) // biome-ignore format: a list
const isListed = (text: string): boolean => NOT_RUN.some(([begin]) => text.startsWith(begin))
/** Programs that only look, or talk to the collector of this test. Nothing else is started, whatever a document shows. */
const HARMLESS =
  /^(?:npm run -s sluice -- |sluice |logger --server |curl -s [^;&$`>|]*http:\/\/127\.0\.0\.1:9600\/|zcat data\/tenant\/|#|$)/
const isHarmless = (text: string): boolean => text.trimEnd().replaceAll('\\\n', ' ').split('\n').every(line => HARMLESS.test(line)) // biome-ignore format: short

t.test('every reason is of a block that is there', async t => {
  for (const [begin] of NOT_RUN)
    t.ok(
      blocks.some(({ text }) => text.startsWith(begin)),
      begin
    )
})

t.test('every block is run or in the list', async t => {
  const strange = blocks.filter(({ text }) => !isListed(text) && !isHarmless(text))
  t.same(
    strange.map(({ document, text }) => `${document}: ${text}`),
    [],
    'say in NOT_RUN why it is not run, or add a harmless program'
  )
})

t.test('the commands of the documents work beside a running collector', async t => {
  const checkout = scratchDir('docs')
  t.teardown(() => rmSync(checkout, { recursive: true, force: true }))
  for (const name of ['src', 'parsers', 'node_modules']) symlinkSync(join(ROOT, name), join(checkout, name))
  copyFileSync(join(ROOT, 'package.json'), join(checkout, 'package.json'))
  mkdirSync(join(checkout, 'config'))
  for (const name of ['full.yaml', 'openssl.cnf']) copyFileSync(join(ROOT, 'config', name), join(checkout, 'config', name))
  mkdirSync(join(checkout, 'bin'))
  writeFileSync(join(checkout, 'bin/sluice'), `#!/bin/sh\nexec ${process.execPath} ${join(ROOT, 'src/main.ts')} "$@"\n`)
  chmodSync(join(checkout, 'bin/sluice'), 0o755)
  // The ports of the documents may be taken on this machine.
  const [syslog, admin, tenant] = (await freePorts(3)) as [number, number, number]
  writeFileSync(
    join(checkout, 'sluice.yaml'),
    `receivers: [{ type: syslog, listen: "127.0.0.1:${syslog}" }]\nadmin: { listen: "127.0.0.1:${admin}" }\ntenant: { local: { listen: "127.0.0.1:${tenant}" } }\nprocess: { max_age: 'off' }\nlog: { format: json }\n`
  )
  writeFileSync(join(checkout, 'firewall.log'), numberedLine(1))
  const env = {
    ...process.env,
    PATH: `${join(checkout, 'bin')}:${process.env.PATH}`,
    SLUICE_TOKEN: 'a'.repeat(64),
    SLUICE_CLIENT_SECRET: 'b'
  }
  const collector = spawn(process.execPath, [join(ROOT, 'src/main.ts'), 'run'], {
    cwd: checkout,
    env,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(async () => {
    if (collector.exitCode === null) {
      collector.kill('SIGKILL')
      await once(collector, 'exit')
    }
  })
  let log = ''
  collector.stdout.on('data', chunk => (log += String(chunk)))
  await until('it runs', () => log.includes('"msg":"uploads: '), () => log) // biome-ignore format: short
  const here = (text: string): string =>
    text.replaceAll('5514', String(syslog)).replaceAll('9600', String(admin)).replaceAll('10.0.0.20', '127.0.0.1')
  // Some commands wait for lines.
  const sending = setInterval(
    () => spawnSync('logger', ['--server', '127.0.0.1', '--port', String(syslog), '--udp', numberedLine(7).trim()]),
    1000
  )
  t.teardown(() => clearInterval(sending))
  let ran = 0
  for (const { document, text } of blocks.filter(({ text }) => !isListed(text) && isHarmless(text))) {
    ran++
    // `data/tenant/sluice` of the README is there two seconds after the first line.
    await until('something was uploaded', async () => !text.includes('zcat') || /uploaded_records_total\{source="sluice"\} [1-9]/.test(await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text())) // biome-ignore format: short
    const child = spawn('bash', ['-euo', 'pipefail', '-c', here(text)], { cwd: checkout, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (out += String(chunk)))
    const timer = setTimeout(() => child.kill('SIGKILL'), 300_000)
    const [code] = await once(child, 'exit')
    clearTimeout(timer)
    t.equal(code, 0, `${document}: ${text}\n${out}`)
  }
  t.ok(ran >= 8, `${ran} blocks were run`)
})

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { startAdmin } from '../../src/admin/server.ts'
import { runCommandLine } from '../../src/cli/command-line.ts'
import { fakeSource } from '../admin/fake-source.ts'
import { spawn } from '../child-kit.ts'
import { fineStatus } from '../telemetry/sample-status.ts'
import { testDir } from '../test-dir.ts'
import { memoryIo } from './memory-io.ts'

async function run(cwd: string, ...args: string[]) {
  const io = memoryIo(cwd)
  const code = await runCommandLine(args, io)
  return { code, out: io.out(), err: io.err() }
}

async function admin(t: Test, token?: string) {
  const source = fakeSource()
  const server = await startAdmin(source, { host: '127.0.0.1', port: 0, token })
  t.teardown(() => server.close())
  return { source, server, listen: new URL(server.url).host }
}

t.test('help and version go to standard output, wrong usage to standard error with exit code 2', async t => {
  const cwd = testDir(t)
  t.match(await run(cwd, 'help'), { code: 0, out: /validate .* support-bundle +pack/s, err: '' })
  t.match(await run(cwd, '--help'), { code: 0, out: /Usage: sluice/ })
  t.match(await run(cwd, 'status', '--help'), { code: 0, out: /Usage: sluice status/ })
  t.match(await run(cwd, 'version'), { code: 0, out: /^\d+\.\d+\.\d+\n$/ })
  t.match(await run(cwd, 'vaildate'), { code: 2, out: '', err: /did you mean "validate"/ })
  t.match(await run(cwd, 'toString'), { code: 2, err: /unknown verb/ })
  t.match(await run(cwd, 'status', '--nope'), { code: 2, err: /Unknown option '--nope'.*Usage: sluice status/s })
  t.match(await run(cwd, 'parse', '--formt', 'csv'), { code: 2, err: /^sluice: Unknown option '--formt'; did you mean --format\?\n/ })
  t.match(await run(cwd, 'spool'), { code: 2, err: /^sluice: spool takes one of ls, check, export, replay\n/ })
  t.match(await run(cwd, 'validate', 'surplus'), { code: 2 })
  t.match(await run(cwd, 'status', '--url', 'nonsense'), { code: 2, err: /no http or https URL/ })
  t.match(await run(cwd, 'tenant', '--listen', 'nonsense'), { code: 2, err: /--listen/ })
})

t.test('a bad configuration prints every fault as file:line:column and exits 78, whatever the verb', async t => {
  const cwd = testDir(t, { 'sluice.yaml': 'lanes: 0\nspol: {}\n' })
  for (const verb of ['run', 'validate', 'support-bundle']) {
    const { code, err, out } = await run(cwd, verb)
    t.equal(code, 78, verb)
    t.equal(out, '', verb)
    t.match(
      err.trim().split('\n'),
      [/sluice\.yaml:1:8: lanes: /, /sluice\.yaml:2:1: spol: unknown key "spol"; did you mean "spool"\?/],
      verb
    )
  }
  t.match(await run(cwd, '--config', 'other.yaml'), { code: 78, err: /other\.yaml:1:1: cannot read the file/ }, 'run is the default verb')
})

t.test('validate says fine, or what is wrong, as text and as JSON', async t => {
  const cwd = testDir(t, {
    'good.yaml':
      'receivers: [{ type: syslog, listen: "127.0.0.1:0" }]\nadmin: { listen: "127.0.0.1:0" }\ntenant: { local: { listen: "127.0.0.1:0" } }\n',
    'warns.yaml': 'process: { outbound_only: true }\n',
    'bad.yaml': 'lanes: x\n'
  })
  t.match(await run(cwd, 'validate', '-c', 'good.yaml'), { code: 0, out: /good\.yaml: fine/, err: '' })
  t.match(await run(cwd, 'validate', '-c', 'warns.yaml', '--no-environment'), {
    code: 0,
    err: /^warning: .*warns\.yaml:1:27: process\.outbound_only/
  })
  t.match(await run(cwd, 'validate', '-c', 'warns.yaml', '--no-environment', '--deny-warnings'), { code: 78 })
  const bad = await run(cwd, 'validate', '-c', 'bad.yaml', '--json')
  t.equal(bad.code, 78)
  t.match(JSON.parse(bad.out), { ok: false, faults: [{ path: 'lanes', line: 1, column: 8 }] })
  const good = await run(cwd, 'validate', '-c', 'good.yaml', '--json')
  t.match(JSON.parse(good.out), { ok: true, faults: [], environment: [{ name: 'receiver syslog: udp 127.0.0.1:0', ok: true }] })
})

t.test('validate tries the addresses and directories of this machine', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const cwd = testDir(t, {
    'sluice.yaml': `receivers: [{ type: syslog, protocols: [tcp], listen: "127.0.0.1:${port}" }]\nspool: { dir: /proc/spool }\n`
  })
  const { code, err } = await run(cwd, 'validate')
  t.equal(code, 1)
  t.match(err, new RegExp(`receiver syslog: tcp 127\\.0\\.0\\.1:${port}: in use`))
  t.match(err, /spool: \/proc\/spool: \/proc cannot be written by this user/)
  t.match(await run(cwd, 'validate', '--no-environment'), { code: 0 })
})

t.test('validate prints the whole configuration without secrets', async t => {
  const cwd = testDir(t, { 'sluice.yaml': 'admin: { token: hidden-hidden-hidden }\n' })
  const { code, out } = await run(cwd, 'validate', '--print')
  t.equal(code, 0)
  t.match(out, 'token: (redacted)')
  t.notMatch(out, 'hidden')
})

t.test('status shows one screen, and its exit code says whether the collector is healthy', async t => {
  const { source, server, listen } = await admin(t)
  const cwd = testDir(t, { 'sluice.yaml': `admin: { listen: "${listen}" }\n` })
  source.current = fineStatus(Date.now() + 86_400_000)
  const healthy = await run(cwd, 'status')
  t.equal(healthy.code, 0)
  t.match(healthy.out, /^Data reaches the local tenant$/m)
  t.notMatch(healthy.out, '\u001b', 'no colours but on terminals')
  t.match(healthy.out, /HQ-FortiGate +100 +90 +80 +24 +60/)
  t.match(healthy.out, /7 skipped, 2 malformed, 1 unidentified, 10 internal/)
  t.match(healthy.out, 'every frame and record is accounted for, 6 frames shed')
  t.ok(healthy.out.split('\n').length <= 24)
  source.current.upload.pauses = [{ state: 'auth', reason: 'it says \u001b[2J', sinceMs: Date.now() - 60_000, untilMs: 0 }]
  const degraded = await run(cwd, 'status', '--url', server.url)
  t.equal(degraded.code, 1)
  t.match(degraded.out, /^Uploads fail, since 1m$/m)
  t.match(degraded.out, 'it says ?[2J', 'control characters do not reach the terminal')
  t.match(degraded.out, /→ Renew the token/)
  const json = await run(cwd, 'status', '--json')
  t.equal(json.code, 1)
  const { verdict, ...status } = JSON.parse(json.out)
  t.same(status, JSON.parse(JSON.stringify(source.current)))
  t.match(verdict, { level: 'bad', headline: 'Uploads fail' }, 'with the words of the page')
})

t.test('on a terminal status is painted, unless NO_COLOR asks for none', async t => {
  const { source, server } = await admin(t)
  const ask = async (env: Record<string, string>): Promise<string> => {
    const io = memoryIo(testDir(t), env)
    Object.assign(io.stdout, { isTTY: true })
    await runCommandLine(['status', '--url', server.url], io)
    return io.out()
  }
  source.current = fineStatus(Date.now() + 86_400_000)
  t.match(await ask({}), '\u001b[32mData reaches the local tenant')
  t.notMatch(await ask({ NO_COLOR: '1' }), '\u001b')
})

t.test('status and healthcheck use the token of the configuration', async t => {
  const { source, listen, server } = await admin(t, '0123456789abcdef')
  source.current = fineStatus(Date.now() + 86_400_000)
  const cwd = testDir(t, { 'sluice.yaml': `admin: { listen: "${listen}", token_file: token }\n`, token: '0123456789abcdef\n' })
  t.match(await run(cwd, 'status'), { code: 0 })
  t.match(await run(cwd, 'status', '--url', server.url), { code: 1, err: /answered 401/ })
  t.match(await run(cwd, 'healthcheck'), { code: 0, out: 'ok\n' })
})

t.test('what is wrong elsewhere in the file keeps nobody from asking the collector that runs', async t => {
  const { listen } = await admin(t)
  const cwd = testDir(t, { 'sluice.yaml': `lanes: 0\nspol: {}\nadmin: { listen: "${listen}" }\n` })
  t.match(await run(cwd, 'healthcheck'), { code: 0, out: 'ok\n' })
  t.match(await run(cwd, 'status'), { out: /\S/, err: '' })
  const wrong = testDir(t, { 'sluice.yaml': 'lanes: 0\nadmin: { listen: nowhere }\n' })
  t.match(await run(wrong, 'healthcheck'), { code: 78, err: /:1:8: lanes: .*:2:.*admin\.listen/s })
})

t.test('healthcheck and status load neither the schema of the configuration nor what checks it', async t => {
  const { listen } = await admin(t)
  const cwd = testDir(t, { 'sluice.yaml': `admin: { listen: "${listen}" }` })
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  const hooks = `import { registerHooks } from 'node:module'
    registerHooks({ load(url, context, next) { process.stderr.write(url + '\\n'); return next(url, context) } })`
  for (const verb of ['healthcheck', 'status']) {
    const args = ['--import', `data:text/javascript,${encodeURIComponent(hooks)}`, main, verb]
    const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
    t.match(out, /\S/)
    t.match(err, /src\/cli\/admin-client\.ts/)
    t.notMatch(err, /typebox|\/ajv\/|schema\.ts|\/undici\//)
  }
})

t.test('healthcheck fails when a lane is dead, when nobody answers, and when somebody else does', async t => {
  const { source, server } = await admin(t)
  const cwd = testDir(t)
  const check = (...args: string[]) => run(cwd, 'healthcheck', ...args)
  t.match(await check('--url', server.url), { code: 0, out: 'ok\n' })
  source.current.spool.full = true
  t.match(await check('--url', server.url), { code: 0 }, 'a full spool is alive')
  t.match(await check('--url', server.url, '--ready'), { code: 1, err: /spool below high water/ })
  source.current.lanes[0]!.alive = false
  t.match(await check('--url', server.url), { code: 1, err: /lane 0: the lane does not answer/ })
  const stranger = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1')
  await once(stranger, 'listening')
  const url = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`
  const strange = await check('--url', url, '--json')
  t.equal(strange.code, 1)
  t.match(JSON.parse(strange.out), { ok: false, checks: [{ name: 'admin server' }] })
  stranger.close()
  await once(stranger, 'close')
  t.match(await check('--url', url), { code: 1, err: /No answer from/ })
})

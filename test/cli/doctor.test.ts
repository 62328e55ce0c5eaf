/** The doctor beside a local tenant that stands for the service: what is fine, and each kind of trouble with its remedy. */
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTcp } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runCommandLine } from '../../src/cli/command-line.ts'
import type { Finding } from '../../src/cli/doctor/finding.ts'
import { testDir } from '../test-dir.ts'
import { memoryIo } from './memory-io.ts'

t.setTimeout(600_000)
const TOKEN = 'a'.repeat(64)

/** A service that knows one data source; `answers` turns it around. */
async function service(t: Test, answers: { status?: number; date?: string } = {}): Promise<string> {
  const server = createServer((request, response) => {
    response.sendDate = answers.date === undefined
    if (answers.date !== undefined) response.setHeader('date', answers.date)
    if (!request.url!.startsWith('/api/')) return void response.end('hello')
    response.statusCode = request.headers.authorization === `Token ${TOKEN}` ? (answers.status ?? 200) : 401
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({
        data: [{ displayName: 'HQ', _id: '1', logType: 179, logFilesHistoryCount: 1, logFilesFailsCount: 0 }],
        hasNext: false
      })
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

async function examine(
  t: Test,
  yaml: string,
  ...args: string[]
): Promise<{ code: number; findings: Finding[]; of: (what: string) => Finding | undefined }> {
  const cwd = testDir(t)
  writeFileSync(join(cwd, 'sluice.yaml'), `admin: { listen: '127.0.0.1:0' }\nspool: { dir: ./spool }\n${yaml}`)
  const io = memoryIo(cwd)
  const code = await runCommandLine(['doctor', '--json', '--url', 'http://127.0.0.1:9', ...args], io)
  const { findings } = JSON.parse(io.out()) as { findings: Finding[] }
  for (const { level, remedy } of findings)
    t.equal(remedy !== undefined, level !== 'ok', 'whatever is not fine has a remedy, and nothing else')
  return { code, findings, of: what => findings.find(one => one.what === what) }
}

const tenant = (url: string, name = 'HQ', token = TOKEN): string =>
  `tenant: { url: '${url}', auth: { token: ${token} } }\nsources: [{ name: ${name} }]\n`
const FREE = `receivers: [{ type: syslog, listen: '127.0.0.1:0' }]\n`

t.test('all is fine: machine, disk, ports, clock, credentials, data source', async t => {
  const { code, of } = await examine(t, FREE + tenant(await service(t)))
  t.equal(code, 0)
  for (const what of ['versions', 'disk space', 'disk syncs', 'port', 'DNS', 'proxy', 'clock', 'data source HQ'])
    t.ok(['ok', 'warn'].includes(of(what)!.level), `${what}: ${of(what)?.detail}`)
  t.match(of('file system')?.detail, / is on /)
})

t.test('credentials that are refused, and a data source that is not there', async t => {
  const url = await service(t)
  const refused = await examine(t, FREE + tenant(url, 'HQ', 'b'.repeat(64)))
  t.equal(refused.code, 1)
  t.match(refused.of('data sources'), { level: 'fail', remedy: /Discovery\.manage/ })
  const missing = await examine(t, FREE + tenant(url, 'Branch'))
  t.match(missing.of('data source Branch'), { level: 'fail', detail: /no data source "Branch"/, remedy: /Data sources/ })
})

t.test('a clock that is wrong, and a tenant that cannot be reached or has no name', async t => {
  const wrong = await examine(t, FREE + tenant(await service(t, { date: new Date(Date.now() - 3_600_000).toUTCString() })))
  t.match(wrong.of('clock'), { level: 'fail', detail: /ahead of the tenant/, remedy: /chrony/ })
  const none = await examine(t, FREE + tenant('http://127.0.0.1:9'))
  t.match(none.of('tenant 127.0.0.1:9'), { level: 'fail', remedy: /tenant\.proxy/ })
  const unknown = await examine(t, FREE + tenant('https://no-such-host.invalid'))
  t.match(unknown.of('DNS'), { level: 'fail', remedy: /resolv\.conf/ })
})

t.test('a spool that the collector would refuse fails; one that is new or of this version does not', async t => {
  const cases: [files: Record<string, string>, level: string, detail: RegExp][] = [
    [{ 'lost+found': '' }, 'ok', /is new/],
    [{ VERSION: 'sluice-spool 1\n' }, 'ok', /can be read/],
    [{ VERSION: 'sluice-spool 7\n' }, 'fail', /of version 7/]
  ]
  for (const [files, level, detail] of cases) {
    const dir = testDir(t, { spool: files })
    const cwd = join(dir, 'spool')
    writeFileSync(join(cwd, 'sluice.yaml'), `admin: { listen: '127.0.0.1:0' }\nspool: { dir: '${cwd}' }\n${FREE}`)
    const io = memoryIo(cwd)
    t.equal(await runCommandLine(['doctor', '--json', '--offline', '--url', 'http://127.0.0.1:9'], io), level === 'fail' ? 1 : 0)
    const { findings } = JSON.parse(io.out()) as { findings: Finding[] }
    t.match(
      findings.find(({ what }) => what === 'spool'),
      { level, detail }
    )
  }
})

t.test('a port that is taken fails; offline leaves the tenant alone', async t => {
  const other = createTcp()
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
  t.teardown(() => other.close())
  const { port } = other.address() as { port: number }
  const { code, findings, of } = await examine(
    t,
    `receivers: [{ type: syslog, protocols: [tcp], listen: '127.0.0.1:${port}' }]\n`,
    '--offline'
  )
  t.equal(code, 1)
  t.ok(findings.some(({ what, level, detail }) => what === 'port' && level === 'fail' && detail.includes('in use')))
  t.equal(of('proxy'), undefined)
})

t.test('for people it is a list, without colours when it is no terminal', async t => {
  const cwd = testDir(t, { 'sluice.yaml': `admin: { listen: '127.0.0.1:0' }\nspool: { dir: ./spool }\n${FREE}` })
  const io = memoryIo(cwd)
  await runCommandLine(['doctor', '--offline', '--url', 'http://127.0.0.1:9'], io)
  const out = io.out()
  t.match(out, /^ok {4}versions: Sluice/m)
  t.match(out, /\d+ fine, \d+ to look at, \d+ failing/)
  t.notMatch(out, '\u001b')
})

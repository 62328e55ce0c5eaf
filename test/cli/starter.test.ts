import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { spawn } from '../child-kit.ts'
import { testDir } from '../test-dir.ts'
import { statusWhen } from './status-when.ts'

t.setTimeout(600_000)

const MAIN = join(import.meta.dirname, '../../src/main.ts')
const TOKEN = '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'
const VARIABLES = {
  PUBLICIP: "'127.0.0.1'",
  PROXY: '',
  SYSLOG: 'true',
  CONSOLE: '127.0.0.1:9',
  COLLECTOR: 'MyLogCollector',
  SLUICE_DATA_SOURCES: 'HQ=fortinet-fortigate',
  SLUICE_ADMIN_LISTEN: '127.0.0.1:0'
}

/** What moves ports 21, 514 and 601 to where nothing listens, below the ports that the system hands out by itself. */
async function freeOffset(): Promise<number> {
  for (;;) {
    const offset = 2000 + Math.floor(Math.random() * 9000)
    if ((await Promise.all([21, 514, 601].map(port => isFree(port + offset)))).every(free => free)) return offset
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const bound = await new Promise<boolean>(resolve => {
    server.once('error', () => resolve(false))
    server.listen(port, () => resolve(true))
  })
  if (bound) await new Promise(resolve => server.close(resolve))
  return bound
}

interface Started {
  child: ChildProcess
  /** All that was printed so far. */
  printed(): string
  exit: Promise<unknown[]>
}

function start(t: Test, cwd: string, input: string, variables: Record<string, string> = VARIABLES): Started {
  const env = { PATH: process.env.PATH, ...variables }
  const child = spawn(process.execPath, [MAIN, 'starter', '--state-dir', cwd], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (printed += chunk))
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  return { child, printed: () => printed, exit: once(child, 'exit') }
}

/** Until the line that Microsoft's collector prints, too; the URL of the admin server. */
async function ready({ child, printed, exit }: Started): Promise<string> {
  while (!printed().includes('Finished successfully!')) {
    const ended = await Promise.race([once(child.stdout!, 'data').then(() => false), exit.then(() => true)])
    if (ended) throw new Error(`it ended: ${printed()}`)
  }
  return /"url":"(http:[^"]*?)\/"/.exec(printed())![1]!
}

t.test(
  'the run command of the portal starts Sluice, and a start without input goes on with the same token',
  { timeout: 600_000 },
  async t => {
    const cwd = testDir(t)
    const offset = await freeOffset()
    const variables = { ...VARIABLES, SLUICE_PORT_OFFSET: String(offset) }
    const first = start(t, cwd, `${TOKEN}\n`, variables)
    const url = await ready(first)
    t.notMatch(first.printed(), TOKEN, 'the token is in no log')
    t.match(first.printed(), /API token in the portal.*Discovery\.manage/, 'it says what to set should the token be refused')
    t.equal(readFileSync(join(cwd, 'starter-token'), 'utf8').trim(), TOKEN)
    t.equal(statSync(join(cwd, 'starter-token')).mode & 0o777, 0o600)
    const socket = connect(601 + offset, '127.0.0.1')
    socket.end('<13>no appliance\n')
    const { sources } = await statusWhen(url, status => status.sources[0]!.frames.received === 1)
    t.equal(sources[0]!.name, 'HQ')
    const asked = spawn(process.execPath, [MAIN, 'collector-status', '-p', '--url', url], { cwd })
    t.match(await text(asked.stdout), /^Collector: running/)
    first.child.kill('SIGTERM')
    t.same(await first.exit, [0, null])

    const again = start(t, cwd, '', variables)
    await ready(again)
    again.child.kill('SIGTERM')
    t.same(await again.exit, [0, null])
  }
)

t.test(
  'with SYSLOG=false it is an FTP server with a directory per data source and a password of its own',
  { timeout: 600_000 },
  async t => {
    const cwd = testDir(t)
    const offset = await freeOffset()
    const variables = { ...VARIABLES, SYSLOG: 'false', SLUICE_DATA_SOURCES: 'HQ,Branch', SLUICE_PORT_OFFSET: String(offset) }
    const started = start(t, cwd, `${TOKEN}\n`, variables)
    const url = await ready(started)
    const password = readFileSync(join(cwd, 'starter-ftp-password'), 'utf8').trim()
    t.notMatch(started.printed(), password)
    const curl = spawn('curl', ['-sS', '--user', `discovery:${password}`, '-T', '-', `ftp://127.0.0.1:${21 + offset}/Branch/a.log`])
    curl.on('error', () => t.fail('curl is missing (Debian package curl)'))
    curl.stdin.end('one line\n')
    t.same(await once(curl, 'exit'), [0, null], await text(curl.stderr))
    const { sources } = await statusWhen(url, status => status.sources.some(({ frames }) => frames.received === 1))
    t.equal(sources.find(({ frames }) => frames.received === 1)?.name, 'Branch')
    started.child.kill('SIGTERM')
    t.same(await started.exit, [0, null])
  }
)

t.test(
  'without a token, or without the host of the tenant, it says what is missing and ends as wrongly used',
  { timeout: 600_000 },
  async t => {
    const noToken = start(t, testDir(t), '')
    t.same(await noToken.exit, [2, null])
    t.match(noToken.printed(), /there is no token: give it on standard input/)
    const { CONSOLE: _, ...variables } = VARIABLES
    const noConsole = start(t, testDir(t), `${TOKEN}\n`, variables)
    t.same(await noConsole.exit, [2, null])
    t.match(noConsole.printed(), /CONSOLE, the host of the tenant, is not set/)
  }
)

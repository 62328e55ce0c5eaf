/**
 * Files by FTP, FTPS, SFTP and a folder into a running collector, by real clients. Their lines are numbered, and the local tenant
 * gets each number once. Needs curl, sftp and ssh-keygen (openssh-client) and openssl.
 */
import { execFile } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { TestAuthority } from '../receivers/tls-kit.ts'
import { testDir } from '../test-dir.ts'
import { numbersOf, type RunningCollector, startCollector, until } from './collector-kit.ts'

const LINES = 500
const LONG = { timeout: 600_000 }
const PASSWORD = 'the-password-of-uploads'
const NAME = 'collector.example.com'

t.setTimeout(600_000)

const PACKAGES: Readonly<Record<string, string>> = { curl: 'curl', sftp: 'openssh-client', 'ssh-keygen': 'openssh-client' }

/** Runs a client to its end. A machine without it fails the test, and is told what to install. */
async function run(program: string, ...args: string[]): Promise<string> {
  try {
    return (await promisify(execFile)(program, args, { timeout: 300_000 })).stdout
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error(`${program} is missing: apt-get install ${PACKAGES[program]}`, { cause: error })
  }
}

const authority = new TestAuthority()
const server = authority.issue(NAME)

const cef = (number: number): string =>
  `CEF:0|Example|Gateway|2.1|100|Web request|3|rt=${1767604530250 + number} src=192.0.2.10 suser=u${number} dst=203.0.113.10 dpt=443 dhost=files.example.com in=920113 out=1834 act=allowed request=https://files.example.com/${number}\n`
const range = (from: number): number[] => Array.from({ length: LINES }, (_, index) => from + index)
const textOf = (from: number): string => range(from).map(cef).join('')

/** Waits for all numbers of a source and compares: none lost, none twice. */
async function arrives(t: Test, collector: RunningCollector, source: string, expected: readonly number[]): Promise<void> {
  const seen = () => numbersOf(collector.files(source))
  await until(
    `${expected.length} lines of ${source} are with the tenant`,
    () => seen().length >= expected.length,
    () => `but it has ${seen().length}`
  )
  t.same(
    seen().sort((a, b) => a - b),
    expected,
    `${source}: every line once`
  )
}

t.test('files by FTP, FTPS, SFTP and a folder arrive once, and the balance holds', LONG, async t => {
  const cwd = testDir(t, { 'password.txt': `${PASSWORD}\n`, in: {}, files: {} })
  const file = (name: string, content: string | Buffer): string => {
    writeFileSync(join(cwd, 'files', name), content)
    return join(cwd, 'files', name)
  }
  const key = join(cwd, 'client-key')
  await run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key)
  chmodSync(key, 0o600)
  const account = { name: 'discovery', password_file: join(cwd, 'password.txt') }
  const passive = { passive_port_min: 0, passive_port_max: 0 }
  const folder = join(cwd, 'in')
  const collector = await startCollector(t, cwd, {
    receivers: [
      { type: 'ftp', name: 'ftp', ...passive, accounts: [account], tls: { cert_file: server.cert, key_file: server.key } },
      {
        type: 'sftp',
        name: 'sftp',
        host_key_files: [join(cwd, 'host-key')],
        accounts: [account, { name: 'by-key', authorized_keys_file: `${key}.pub`, source: 'Branch' }]
      },
      { type: 'file-drop', name: 'folder', folder, age: 0, scan_interval: '200ms' }
    ],
    sources: [{ name: 'HQ' }, { name: 'Branch' }, { name: 'rest' }, { name: 'root', receiver: 'ftp' }]
  })
  const ftpPort = collector.port('ftp', 'ftp')
  const sftpPort = collector.port('sftp', 'sftp')

  await t.test('curl uploads by FTP, into a directory of a source and to the root', LONG, async t => {
    const user = ['-sS', '--user', `discovery:${PASSWORD}`]
    await run('curl', ...user, '-T', file('a.log', textOf(0)), `ftp://127.0.0.1:${ftpPort}/HQ/a.log`)
    await run('curl', ...user, '-T', file('b.log.gz', gzipSync(textOf(0))), `ftp://127.0.0.1:${ftpPort}/b.log.gz`)
    await arrives(t, collector, 'HQ', range(0))
    await arrives(t, collector, 'root', range(0))
  })

  await t.test('curl uploads by explicit FTPS, and checks the certificate', LONG, async t => {
    const tls = ['--ssl-reqd', '--cacert', authority.ca, '--resolve', `${NAME}:${ftpPort}:127.0.0.1`]
    const path = file('c.log', textOf(LINES))
    await run('curl', '-sS', '--user', `discovery:${PASSWORD}`, ...tls, '-T', path, `ftp://${NAME}:${ftpPort}/HQ/c.log`)
    await arrives(t, collector, 'HQ', [...range(0), ...range(LINES)])
  })

  await t.test('curl uploads by SFTP with the password, sftp with a key', LONG, async t => {
    const path = file('d.log', textOf(2 * LINES))
    await run('curl', '-sS', '--insecure', '--user', `discovery:${PASSWORD}`, '-T', path, `sftp://127.0.0.1:${sftpPort}/HQ/d.log`)
    const batch = file('batch', `put ${file('e.log', textOf(0))} e.log\n`)
    const trust = ['-oStrictHostKeyChecking=no', `-oUserKnownHostsFile=${join(cwd, 'known-hosts')}`, '-oIdentitiesOnly=yes']
    await run('sftp', '-q', '-F', '/dev/null', ...trust, '-i', key, '-P', String(sftpPort), '-b', batch, 'by-key@127.0.0.1')
    await arrives(t, collector, 'HQ', [...range(0), ...range(LINES), ...range(2 * LINES)])
    await arrives(t, collector, 'Branch', range(0))
  })

  await t.test('a file that is dropped is read, and archived', LONG, async t => {
    await until('the folder of the source is there', () => existsSync(join(folder, 'Branch')))
    writeFileSync(join(folder, 'Branch', '.f.log'), textOf(LINES))
    renameSync(join(folder, 'Branch', '.f.log'), join(folder, 'Branch', 'f.log'))
    await arrives(t, collector, 'Branch', [...range(0), ...range(LINES)])
    const archived = join(folder, '.taken', 'Branch', 'f.log')
    await until('the file is archived', () => existsSync(archived))
    t.equal(readFileSync(archived, 'utf8'), textOf(LINES))
  })

  await t.test('who has no right password is refused, and nothing arrives', LONG, async t => {
    const path = file('g.log', textOf(0))
    await t.rejects(run('curl', '-sS', '--user', 'discovery:discovery', '-T', path, `ftp://127.0.0.1:${ftpPort}/HQ/g.log`))
    await t.rejects(run('curl', '-sS', '--insecure', '--user', 'discovery:discovery', '-T', path, `sftp://127.0.0.1:${sftpPort}/HQ/g.log`))
  })

  const total = 6 * LINES
  const status = await collector.statusUntil('all is uploaded', ({ balance }) => balance.delivery.uploaded >= total)
  t.ok(status.balance.balanced, JSON.stringify(status.balance))
  t.equal(status.balance.delivery.uploaded, total)
  t.same(
    status.receivers.map(({ name, protocol, state }) => [name, protocol, state]),
    [
      ['ftp', 'ftp', 'listening'],
      ['sftp', 'sftp', 'listening'],
      ['folder', 'file', 'listening']
    ]
  )
  const metrics = await collector.metrics()
  for (const [receiver, protocol] of [
    ['ftp', 'ftp'],
    ['sftp', 'sftp'],
    ['folder', 'file']
  ])
    t.match(metrics, new RegExp(`^sluice_receiver_up\\{receiver="${receiver}",protocol="${protocol}"\\} 1$`, 'm'))
  t.same(await collector.stop(), [0, null])
})

/** Needs curl, lftp, sftp and ssh-keygen. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import type { FileServerDeps } from '../../src/receivers/ftp.ts'
import { type SftpOptionsInput, SftpReceiver } from '../../src/receivers/sftp.ts'
import { spawn } from '../child-kit.ts'
import { scratchDir } from '../test-dir.ts'
import { checkReceiverContract } from './contract.ts'
import { delay, MemoryIntakes, memoryLog, portOf } from './memory-intake.ts'

const run = promisify(execFile)
const PASSWORD = 'a-password-of-the-test'
const dir = scratchDir('sftp')
const LINES = Array.from({ length: 5000 }, (_, i) => `line ${i} ${'x'.repeat(i % 100)}`)
const TEXT = `${LINES.join('\n')}\n`
const file = (name: string, content: string | Buffer): string => {
  const path = join(dir, name)
  writeFileSync(path, content)
  return path
}
const plainFile = file('plain.log', TEXT)
const knownHosts = join(dir, 'known-hosts')
const clientKey = join(dir, 'client-key')
await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', clientKey])
const rsaKey = join(dir, 'rsa-key')
await run('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', rsaKey])

const BASE: SftpOptionsInput = {
  listen: '127.0.0.1:0',
  accounts: [
    {
      name: 'discovery',
      password: PASSWORD,
      authorizedKeysFile: `${clientKey}.pub`,
      authorizedKeys: [readFileSync(`${rsaKey}.pub`, 'utf8')]
    }
  ],
  hostKeyFiles: [join(dir, 'host-key')],
  sources: ['HQ', 'Branch 1'],
  loginDelayMs: 0
}

async function started(options: SftpOptionsInput = {}, intakes = new MemoryIntakes(), deps: Partial<FileServerDeps> = {}) {
  const log = memoryLog()
  const receiver = new SftpReceiver({ ...BASE, ...options }, { log, ...deps })
  await receiver.start(intakes.open)
  return { receiver, intakes, log, port: portOf(receiver), counters: () => receiver.status()[0]!.counters }
}

type Result = { code: number; out: string }
const result = (work: Promise<{ stdout: string; stderr: string }>): Promise<Result> =>
  work.then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout + stderr }),
    error => ({ code: Number(error.code), out: `${error.stdout}${error.stderr}` })
  )
const curl = (port: number, path: string, ...args: string[]): Promise<Result> =>
  result(run('curl', ['-sS', '-k', '--max-time', '300', '-u', `discovery:${PASSWORD}`, `sftp://127.0.0.1:${port}/${path}`, ...args]))
const SSH_OPTIONS = ['-o', 'StrictHostKeyChecking=no', '-o', `UserKnownHostsFile=${knownHosts}`, '-o', 'BatchMode=yes']
const sftp = (port: number, commands: string, key = clientKey): Promise<Result> =>
  result(
    run('sftp', [
      ...SSH_OPTIONS,
      '-i',
      key,
      '-o',
      'IdentitiesOnly=yes',
      '-P',
      String(port),
      '-b',
      file('batch', `${commands}\n`),
      'discovery@127.0.0.1'
    ])
  )
const lftp = (port: number, commands: string): Promise<Result> =>
  result(
    run('lftp', [
      '--norc',
      '-c',
      `set net:max-retries 1; set net:timeout 120; set sftp:auto-confirm yes; set sftp:connect-program "ssh -a -x -o UserKnownHostsFile=${knownHosts}"; open -u discovery,${PASSWORD} -p ${port} sftp://127.0.0.1; ${commands}`
    ])
  )
const stop = (receiver: SftpReceiver): Promise<void> => receiver.stop(AbortSignal.timeout(60_000))

checkReceiverContract(t, 'sftp', {
  create: () => new SftpReceiver(BASE, { log: memoryLog() }),
  send: async (port, records) => {
    const path = file(`contract-${records.length}.log`, records.join('\n'))
    const { code } = await sftp(port, `put ${path} /HQ/a.log`)
    return code === 0 ? records : []
  },
  hasReceipt: true
})

t.test('curl by password, sftp by keys and lftp upload, and the directory is the source', async t => {
  const { receiver, intakes, port, counters } = await started()
  const gz = file('a.gz', gzipSync(TEXT))
  const ways: [string, () => Promise<Result>][] = [
    ['curl', () => curl(port, 'Branch%201/a.log', '-T', plainFile)],
    ['curl, gzip', () => curl(port, 'Branch%201/a.gz', '-T', gz)],
    ['sftp by Ed25519', () => sftp(port, `put ${plainFile} "/Branch 1/b.log"`)],
    ['sftp by RSA', () => sftp(port, `put ${plainFile} "/Branch 1/b.log"`, rsaKey)],
    [
      'sftp, folders and names',
      () => sftp(port, `cd "Branch 1"\n-mkdir day\ncd day\nput ${plainFile} up.tmp\nrename up.tmp up.log\nls -l\npwd`)
    ],
    ['lftp', () => lftp(port, `cd "Branch 1"; put ${plainFile} -o c.log; cls; mv c.log d.log`)]
  ]
  for (const [title, upload] of ways) {
    const { code, out } = await upload()
    t.equal(code, 0, `${title}: ${out}`)
    t.strictSame(intakes.committed.splice(0), LINES, title)
    t.equal(intakes.peers.at(-1)!.source, 'Branch 1')
    t.equal(intakes.peers.at(-1)!.protocol, 'sftp')
  }
  t.match((await sftp(port, 'ls -l /')).out, /HQ/)
  t.not((await sftp(port, `get "/Branch 1/b.log" ${join(dir, 'got')}`)).code, 0, 'nothing can be fetched')
  t.not((await sftp(port, `put ${plainFile} /Unknown/x.log`)).code, 0)
  t.not((await sftp(port, 'mkdir /Unknown')).code, 0)
  t.equal(counters().files_total, ways.length)
  t.strictSame(intakes.violations, [])
  await stop(receiver)
})

t.test('a client that is killed in the middle leaves nothing of a short file', async t => {
  const { receiver, intakes, port, counters } = await started()
  const big = file('big.log', TEXT.repeat(10))
  const args = ['-sS', '-k', '--limit-rate', '200K', '-u', `discovery:${PASSWORD}`, '-T', big, `sftp://127.0.0.1:${port}/HQ/x.log`]
  const client = spawn('curl', args, { stdio: 'ignore' })
  await intakes.until('bytes', () => counters().received_bytes_total! > 0)
  client.kill('SIGKILL')
  await intakes.until('found', () => counters().aborted_total === 1)
  t.equal(intakes.opened, 0)
  t.equal(receiver.status()[0]!.gauges!.held_bytes, 0)
  await stop(receiver)
})

t.test('a full spool, a failed commit and a damaged file fail the upload', async t => {
  let isFull = true
  let isFailing = true
  const { receiver, intakes, port, counters } = await started({}, new MemoryIntakes({ failCommit: () => isFailing }), {
    isFull: () => isFull
  })
  const upload = async (path: string): Promise<number> => (await sftp(port, `put ${path} /HQ/a.log`)).code
  t.not(await upload(plainFile), 0)
  t.equal(counters().put_off_total, 1)
  isFull = false
  t.not(await upload(plainFile), 0)
  t.equal(counters().commit_failed_total, 1)
  isFailing = false
  t.not(await upload(file('cut.gz', gzipSync(TEXT).subarray(0, 500))), 0)
  t.equal(counters().damaged_files_total, 1)
  t.equal(await upload(plainFile), 0)
  t.strictSame(intakes.committed, LINES)
  await stop(receiver)
})

t.test('nobody logs in without password or key; guessing is shut out; silence too', async t => {
  t.throws(() => new SftpReceiver({ listen: '127.0.0.1:0' }, { log: memoryLog() }), /no password/)
  const { receiver, intakes, port, counters } = await started({ maxLoginFailures: 3 })
  const other = join(dir, 'other-key')
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other])
  t.not((await sftp(port, 'ls', other)).code, 0)
  const guess = (user: string): Promise<Result> => result(run('curl', ['-sS', '-k', '-u', user, `sftp://127.0.0.1:${port}/`]))
  for (let i = 0; i < 3; i++) t.not((await guess(`discovery:wrong-${i}`)).code, 0)
  await intakes.until('counted', () => counters().logins_failed_total! >= 3)
  t.not((await curl(port, '')).code, 0, 'the right password does not help any more')
  t.equal(counters().idle_closed_total, 0)
  await stop(receiver)

  const impatient = await started({ loginTimeoutMs: 400 })
  const silent = connect(impatient.port, '127.0.0.1')
  silent.resume()
  await new Promise(resolve => silent.once('close', resolve))
  t.equal(impatient.counters().idle_closed_total, 1)
  await stop(impatient.receiver)
})

t.test('a client whose file waits for room is not idle meanwhile, and is when it stays silent afterwards', async t => {
  const { promise: room, resolve } = Promise.withResolvers<void>()
  const { receiver, intakes, port, counters } = await started({ idleTimeoutMs: 3000 })
  intakes.faults.room = room
  const args = [...SSH_OPTIONS, '-i', clientKey, '-o', 'IdentitiesOnly=yes', '-P', String(port), '-b', '-', 'discovery@127.0.0.1']
  const client = spawn('sftp', args, { stdio: ['pipe', 'ignore', 'ignore'] })
  const closed = once(client, 'close')
  client.stdin!.write(`put ${plainFile} /HQ/a.log\n`) // and it stays connected, as its input does not end
  await intakes.until('the first lines', () => intakes.frames.length > 0)
  await delay(6500)
  t.match(receiver.status()[0], { connections: 1, counters: { idle_closed_total: 0 } })
  delete intakes.faults.room
  resolve()
  await intakes.until('the silent client is sent away', () => receiver.status()[0]!.connections === 0)
  client.stdin!.end()
  await closed
  t.strictSame(intakes.committed, LINES)
  t.equal(counters().idle_closed_total, 1)
  await stop(receiver)
})

t.test('a full spool puts files off, and the state says so', async t => {
  let isFull = true
  const { receiver, intakes, port, counters } = await started({}, new MemoryIntakes(), { isFull: () => isFull })
  t.not((await curl(port, 'HQ/a.log', '-T', plainFile)).code, 0)
  t.match(receiver.status()[0], { state: 'paused', pauses: ['spool_full'] })
  t.equal(counters().put_off_total, 1)
  t.equal(intakes.opened, 0)
  isFull = false
  t.equal((await curl(port, 'HQ/a.log', '-T', plainFile)).code, 0)
  t.match(receiver.status()[0], { state: 'listening', pauses: [] })
  await stop(receiver)
})

t.test('names that climb out of the tree stay in it: nothing is written anywhere', async t => {
  const { receiver, intakes, port, counters } = await started({ rootUploads: false })
  const target = join(dir, 'climbed')
  t.not((await sftp(port, `put ${plainFile} ../../../../../../..${target}`)).code, 0)
  t.not((await sftp(port, `put ${plainFile} /HQ/../../..${target}`)).code, 0)
  t.not((await sftp(port, `symlink /etc /HQ/link`)).code, 0)
  t.notOk(existsSync(target))
  t.equal(intakes.opened, 0)
  t.equal((await sftp(port, `put ${plainFile} /HQ/../../HQ/a.log`)).code, 0, 'up from the root is the root')
  t.match(intakes.peers[0], { source: 'HQ' })
  t.equal(counters().files_total, 1)
  await stop(receiver)
})

t.test('a host key that is missing is made, kept and only readable by its owner', async t => {
  const hostKey = join(dir, 'new/host-key')
  const first = await started({ hostKeyFiles: [hostKey] })
  t.ok(first.log.entries.some(({ level, message }) => level === 'warn' && /host key/.test(message)))
  await stop(first.receiver)
  t.equal(statSync(hostKey).mode & 0o777, 0o600)
  const made = readFileSync(hostKey, 'utf8')
  const second = await started({ hostKeyFiles: [hostKey] })
  t.equal((await curl(second.port, 'HQ/a.log', '-T', plainFile)).code, 0)
  await stop(second.receiver)
  t.equal(readFileSync(hostKey, 'utf8'), made)
  await t.rejects(started({ hostKeyFiles: [plainFile] }), { code: 'CONFIG_INVALID' })
})

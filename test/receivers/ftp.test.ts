/** Needs curl, lftp and zip. */
import { type ChildProcess, execFile } from 'node:child_process'
import { scryptSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import t from 'tap'
import { type FileServerDeps, type FtpOptionsInput, FtpReceiver } from '../../src/receivers/ftp.ts'
import { spawn } from '../child-kit.ts'
import { scratchDir } from '../test-dir.ts'
import { checkReceiverContract } from './contract.ts'
import { MemoryIntakes, memoryLog, portOf } from './memory-intake.ts'
import { TestAuthority } from './tls-kit.ts'

const run = promisify(execFile)
const PASSWORD = 'a password of the test'
const ACCOUNTS = [{ name: 'discovery', password: PASSWORD }]
const dir = scratchDir('ftp')
const LINES = Array.from({ length: 5000 }, (_, i) => `line ${i} ${'x'.repeat(i % 100)}`)
const TEXT = `${LINES.join('\n')}\n`
const file = (name: string, content: string | Buffer): string => {
  const path = join(dir, name)
  writeFileSync(path, content)
  return path
}
const plainFile = file('plain.log', TEXT)

const BASE: FtpOptionsInput = { listen: '127.0.0.1:0', accounts: ACCOUNTS, sources: ['HQ', 'Branch 1'], loginDelayMs: 0, abortWaitMs: 60 }

async function started(options: FtpOptionsInput = {}, intakes = new MemoryIntakes(), deps: Partial<FileServerDeps> = {}) {
  const log = memoryLog()
  const receiver = new FtpReceiver({ ...BASE, ...options }, { log, ...deps })
  await receiver.start(intakes.open)
  const port = portOf(receiver)
  return {
    receiver,
    intakes,
    log,
    port,
    counters: () => receiver.status()[0]!.counters,
    /** Exit code and output of curl. */
    curl: (path: string, ...args: string[]) => curl(port, path, ...args)
  }
}

const curl = (port: number, path: string, ...args: string[]): Promise<{ code: number; out: string }> =>
  run('curl', ['-sS', '-v', '--max-time', '30', '-u', `discovery:${PASSWORD}`, `ftp://127.0.0.1:${port}/${path}`, ...args]).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout + stderr }),
    error => ({ code: Number(error.code), out: `${error.stdout}${error.stderr}` })
  )

const lftp = (port: number, commands: string, settings = 'set ftp:ssl-allow no'): Promise<{ code: number; out: string }> =>
  run('lftp', [
    '--norc',
    '-c',
    `set net:max-retries 1; set net:timeout 120; ${settings}; open -u discovery,"${PASSWORD}" -p ${port} 127.0.0.1; ${commands}`
  ]).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout + stderr }),
    error => ({ code: Number(error.code), out: `${error.stdout}${error.stderr}` })
  )

const stop = (receiver: FtpReceiver): Promise<void> => receiver.stop(AbortSignal.timeout(60_000))

checkReceiverContract(t, 'ftp', {
  create: () => new FtpReceiver(BASE, { log: memoryLog() }),
  send: async (port, records) => {
    const { code } = await curl(port, 'HQ/a.log', '-T', file(`contract-${records.length}.log`, records.join('\n')))
    return code === 0 ? records : []
  },
  hasReceipt: true
})

t.test('curl uploads passive, extended passive and active, plain and packed, and the directory is the source', async t => {
  const { receiver, intakes, curl } = await started()
  await run('zip', ['-q', 'one.zip', 'plain.log'], { cwd: dir })
  const ways: [string, string, ...string[]][] = [
    ['EPSV', plainFile],
    ['PASV', plainFile, '--disable-epsv'],
    ['EPRT', plainFile, '--ftp-port', '127.0.0.1'],
    ['PORT', plainFile, '--ftp-port', '127.0.0.1', '--disable-eprt'],
    ['APPE', plainFile, '--append'],
    ['gzip', file('a.gz', Buffer.concat([gzipSync(TEXT.slice(0, 1000)), gzipSync(TEXT.slice(1000))]))],
    ['zstd with the wrong name', file('a.txt', zstdCompressSync(TEXT))],
    ['zip', join(dir, 'one.zip')],
    ['no line feed at the end', file('b.log', TEXT.slice(0, -1))]
  ]
  for (const [title, path, ...args] of ways) {
    const { code, out } = await curl('Branch%201/up.log', '-T', path, ...args)
    t.equal(code, 0, title)
    t.match(out, /< 226 /)
    t.strictSame(intakes.committed.splice(0), LINES, title)
    t.equal(intakes.peers.at(-1)!.source, 'Branch 1')
  }
  t.equal((await curl('at-root.log', '-T', plainFile)).code, 0)
  t.equal(intakes.peers.at(-1)!.source, undefined)
  t.strictSame(intakes.violations, [])
  t.equal(receiver.status()[0]!.counters.files_total, ways.length + 1)
  await stop(receiver)
})

t.test('FTPS explicit and implicit, by curl and lftp; what must be protected is refused in the clear', async t => {
  const authority = new TestAuthority()
  const { cert: certFile, key: keyFile } = authority.issue('collector.example.com')
  const tls = { certFile, keyFile } as NonNullable<FtpOptionsInput['tls']>
  const trust = ['--cacert', authority.ca]
  const named = (port: number, scheme: string): string[] => [
    '--resolve',
    `collector.example.com:${port}:127.0.0.1`,
    '--url',
    `${scheme}://collector.example.com:${port}/HQ/named.log`
  ]
  for (const tlsMode of ['optional', 'required', 'implicit'] as const) {
    const { receiver, intakes, port, curl, counters } = await started({ tls, tlsMode })
    const scheme = tlsMode === 'implicit' ? 'ftps' : 'ftp'
    // Active mode is for lftp below: curl 7.88 sends the file in the clear there, and is refused.
    for (const more of [[], ['--tls-max', '1.2'], ['--disable-epsv']]) {
      const { stdout, stderr } = await run('curl', [
        '-sS',
        '-v',
        '--max-time',
        '20',
        '--ssl-reqd',
        '-u',
        `discovery:${PASSWORD}`,
        '-T',
        plainFile,
        ...trust,
        ...more,
        ...named(port, scheme)
      ])
      t.match(stdout + stderr, /< 226 Taken/)
      t.strictSame(intakes.committed.splice(0), LINES, `curl ${tlsMode} ${more.join(' ')}`)
    }
    const ssl = `set ssl:verify-certificate no; set ftp:ssl-force yes; set ftp:ssl-protect-data yes`
    for (const passive of ['on', 'off']) {
      const open = tlsMode === 'implicit' ? `open -u discovery,"${PASSWORD}" ftps://127.0.0.1:${port};` : ''
      const { code, out } = await lftp(port, `${open} cd HQ; put ${plainFile} -o l.log; ls`, `${ssl}; set ftp:passive-mode ${passive}`)
      t.equal(code, 0, `lftp ${tlsMode} passive ${passive} ${out}`)
      t.match(out, /l\.log/)
      t.strictSame(intakes.committed.splice(0), LINES)
    }
    if (tlsMode === 'required') {
      t.not((await curl('HQ/clear.log', '-T', plainFile)).code, 0)
      t.equal((await curl('HQ/clear.log', '-T', plainFile)).out.includes(`> PASS`), false, 'no password was asked for')
    }
    if (tlsMode === 'optional') {
      t.equal((await curl('HQ/clear.log', '-T', plainFile)).code, 0)
      await receiver.reload()
      t.equal(counters().certificate_reloads_total, 1)
    }
    t.strictSame(intakes.violations, [])
    await stop(receiver)
  }
  t.throws(() => new FtpReceiver({ ...BASE, tlsMode: 'required' }, { log: memoryLog() }), /needs tls/)
})

t.test('lftp sees the directories of the sources, makes folders, renames and removes', async t => {
  const { receiver, intakes, port } = await started()
  const { code, out } = await lftp(
    port,
    `ls; cd "Branch 1"; mkdir 2026-10-01; cd 2026-10-01; put ${plainFile} -o up.tmp; mv up.tmp up.log; cls -l; pwd; rm up.log; cls`
  )
  t.equal(code, 0, out)
  t.match(out, /drwx.*HQ\n/)
  t.match(out, /drwx.*Branch 1\n/)
  t.match(out, /up\.log/)
  t.equal(out.includes('up.tmp'), false)
  t.strictSame(intakes.committed, LINES, 'renaming and removing change nothing')
  t.equal(intakes.peers[0]!.source, 'Branch 1')
  t.not((await lftp(port, 'mkdir Unknown')).code, 0)
  t.not((await lftp(port, `cd HQ; get plain.log -o ${join(dir, 'got')}`)).code, 0, 'nothing can be fetched')
  await stop(receiver)
})

t.test('an account that is bound to a source, or sees some only', async t => {
  const salt = Buffer.from('salt of the test')
  const hash = `scrypt:16384:8:1:${salt.toString('base64')}:${scryptSync('hashed password', salt, 32).toString('base64')}`
  const accounts = [
    { name: 'fw', passwordFile: file('password', 'filed password\n'), source: 'HQ' },
    { name: 'some', passwordHash: hash, sources: ['Branch 1'] }
  ]
  const { receiver, intakes, port } = await started({ accounts })
  const upload = (user: string, path: string) =>
    run('curl', ['-sS', '-u', user, '-T', plainFile, `ftp://127.0.0.1:${port}/${path}`, '--ftp-create-dirs'])
  await upload('fw:filed password', 'a.log')
  t.equal(intakes.peers.at(-1)!.source, 'HQ')
  await upload('fw:filed password', 'whatever/folder/a.log')
  t.equal(intakes.peers.at(-1)!.source, 'HQ')
  await upload('some:hashed password', 'Branch%201/a.log')
  t.equal(intakes.peers.at(-1)!.source, 'Branch 1')
  const opened = intakes.opened
  await t.rejects(upload('some:hashed password', 'HQ/a.log'))
  await t.rejects(upload('some:filed password', 'Branch%201/a.log'))
  t.equal(intakes.opened, opened)
  await stop(receiver)
})

t.test('a transfer whose client is killed is found, and a short one leaves nothing', async t => {
  const authority = new TestAuthority()
  const { cert: certFile, key: keyFile } = authority.issue('collector.example.com')
  const tls = { certFile, keyFile } as NonNullable<FtpOptionsInput['tls']>
  const big = file('big.log', TEXT.repeat(20))
  for (const [signal, ssl] of [
    ['SIGTERM', false],
    ['SIGKILL', false],
    ['SIGTERM', true],
    ['SIGKILL', true]
  ] as const) {
    const { receiver, intakes, port, counters } = await started({ tls })
    const secure = ssl ? ['--ssl-reqd', '--insecure'] : []
    const args = ['-sS', '--limit-rate', '500K', '-u', `discovery:${PASSWORD}`, '-T', big, ...secure, `ftp://127.0.0.1:${port}/HQ/x.log`]
    const client: ChildProcess = spawn('curl', args, { stdio: 'ignore' })
    await intakes.until('bytes', () => counters().received_bytes_total! > 0)
    client.kill(signal)
    await intakes.until('found', () => counters().aborted_total === 1)
    t.equal(intakes.opened, 0, `${signal} ${ssl ? 'TLS' : 'plain'}: nothing was handed on`)
    t.equal(counters().files_total, 0)
    t.equal(receiver.status()[0]!.gauges!.held_bytes, 0)
    await stop(receiver)
  }
  // Longer than what is held back: whole lines stay, and the intake is told.
  const { receiver, intakes, port, counters } = await started({ heldMaxBytes: 1000 })
  const client = spawn('curl', [
    '-sS',
    '--limit-rate',
    '500K',
    '-u',
    `discovery:${PASSWORD}`,
    '-T',
    big,
    `ftp://127.0.0.1:${port}/HQ/x.log`
  ])
  await intakes.until('frames', () => intakes.frames.length > 10)
  client.kill('SIGKILL')
  await intakes.until('found', () => counters().aborted_total === 1)
  t.equal(intakes.aborted, 1)
  t.strictSame(
    intakes.frames,
    Array.from({ length: 20 }, () => LINES)
      .flat()
      .slice(0, intakes.frames.length)
  )
  await stop(receiver)
})

t.test('files that are damaged, unknown or bombs are refused with 550 and counted', async t => {
  const { receiver, intakes, curl, counters } = await started()
  const gz = gzipSync(TEXT)
  const bad: [string, Buffer, RegExp][] = [
    ['damaged', gz.subarray(0, gz.length - 3), /550 .*ends in the middle/],
    ['unsupported', Buffer.from('377abcaf271c0004', 'hex'), /550 .*7z is not read/],
    ['bomb', gzipSync(Buffer.alloc(40 * 1024 * 1024)), /550 .*300 times/]
  ]
  for (const [name, bytes, answer] of bad) {
    const { code, out } = await curl('HQ/a.log', '-T', file(`bad-${name}`, bytes))
    t.not(code, 0)
    t.match(out, answer)
  }
  const { damaged_files_total, unsupported_files_total, oversized_files_total, files_total } = counters()
  t.strictSame([damaged_files_total, unsupported_files_total, oversized_files_total, files_total], [1, 1, 1, 0])
  t.equal(intakes.committed.length, 0)
  await stop(receiver)
})

t.test('a full spool is answered 452, and a failed commit 451', async t => {
  let isFull = true
  let isFailing = true
  const { receiver, intakes, curl, counters } = await started({}, new MemoryIntakes({ failCommit: () => isFailing }), {
    isFull: () => isFull
  })
  t.match((await curl('HQ/a.log', '-T', plainFile)).out, /< 452 /)
  t.match(receiver.status()[0], { state: 'paused', pauses: ['spool_full'] })
  isFull = false
  t.match((await curl('HQ/a.log', '-T', plainFile)).out, /< 451 /)
  isFailing = false
  t.match((await curl('HQ/a.log', '-T', plainFile)).out, /< 226 /)
  t.strictSame(intakes.committed, LINES)
  t.equal(counters().put_off_total, 1)
  t.equal(counters().commit_failed_total, 1)
  await stop(receiver)
})

/** A client that speaks by hand. */
async function raw(port: number): Promise<{ socket: Socket; say: (line: string) => Promise<string>; read: () => Promise<string> }> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  let text = ''
  let isClosed = false
  let wake = (): void => {}
  socket.on('data', chunk => {
    text += chunk
    wake()
  })
  socket.on('close', () => {
    isClosed = true
    wake()
  })
  const read = async (): Promise<string> => {
    for (;;) {
      const match = /^(?:\d{3}-[\s\S]*?\n)?\d{3} [^\n]*\n/.exec(text)
      if (match !== null) {
        text = text.slice(match[0].length)
        return match[0].trim()
      }
      if (isClosed) return 'closed'
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }
  await read()
  const say = (line: string): Promise<string> => {
    socket.write(`${line}\r\n`)
    return read()
  }
  return { socket, say, read }
}

t.test('active mode only to the client itself and to ports without privilege', async t => {
  const { receiver, port, counters } = await started()
  const { say, socket } = await raw(port)
  await say('USER discovery')
  t.match(await say(`PASS ${PASSWORD}`), /^230/)
  for (const line of [
    'PORT 10,0,0,1,200,10',
    'PORT 127,0,0,1,0,25',
    'EPRT |1|10.0.0.1|5282|',
    'EPRT |1|127.0.0.1|25|',
    'EPRT |1|127.0.0.1|99999|'
  ]) {
    t.match(await say(line), /^504/, line)
  }
  t.match(await say('PORT 1,2,3'), /^501/)
  t.equal(counters().data_connections_refused_total, 5)
  t.match(await say('STOR /HQ/a'), /^425/)
  socket.destroy()
  await stop(receiver)
})

t.test('passive connections from elsewhere are not taken, and the advertised address is shown', async t => {
  const { receiver, intakes, port, counters } = await started({
    advertisedAddress: '192.0.2.9',
    advertisedAddresses: [{ clients: ['10.0.0.0/8'], address: '10.1.1.1' }]
  })
  const { say, socket, read } = await raw(port)
  await say('USER discovery')
  await say(`PASS ${PASSWORD}`)
  t.match(await say('PASV'), /^227 .*\(192,0,2,9,\d+,\d+\)/)
  const dataPort = Number(/\|\|\|(\d+)\|/.exec(await say('EPSV'))?.[1])
  t.ok(dataPort >= 20_000 && dataPort <= 20_099, `${dataPort}`)
  const stranger = connect({ port: dataPort, host: '127.0.0.1', localAddress: '127.0.0.2' })
  stranger.on('error', () => {})
  stranger.write('injected\n')
  await intakes.until('refused', () => counters().data_connections_refused_total === 1)
  const own = connect(dataPort, '127.0.0.1')
  t.match(await say('STOR /HQ/a.log'), /^150/)
  own.end('mine\n')
  t.match(await read(), /^226/)
  t.strictSame(intakes.committed, ['mine'])
  socket.destroy()
  await stop(receiver)
})

t.test('ABOR ends a transfer and keeps the connection; REST and RETR are refused', async t => {
  const { receiver, intakes, port, counters } = await started()
  const { say, socket, read } = await raw(port)
  t.match(await say('OPTS UTF8 ON'), /^200/, 'before a login, as lftp does')
  t.match(await say('STOR /HQ/a'), /^530/)
  await say('USER discovery')
  await say(`PASS ${PASSWORD}`)
  t.match(await say('FEAT'), /^211-[\s\S]*EPSV[\s\S]*211 End/)
  t.match(await say('REST 100'), /^504/)
  t.match(await say('RETR /HQ/a'), /^550/)
  t.match(await say('STOR /Unknown/a'), /^553/)
  t.match(await say('STOR /HQ/../../../etc/passwd/'), /^553/)
  t.match(await say('CWD /HQ/..'), /^250 In \//)
  const dataPort = Number(/\|\|\|(\d+)\|/.exec(await say('EPSV'))?.[1])
  const data = connect(dataPort, '127.0.0.1')
  data.on('error', () => {})
  t.match(await say('STOR /HQ/a.log'), /^150/)
  data.write('a line\nhalf a li')
  await intakes.until('bytes', () => counters().received_bytes_total! > 0)
  socket.write(Buffer.from('fff4fff2', 'hex'))
  t.match(await say('ABOR'), /^426/)
  t.match(await read(), /^226/)
  t.equal(counters().aborted_total, 1)
  t.equal(intakes.opened, 0)
  t.match(await say('NOOP'), /^200/)
  t.match(await say('STOU'), /^425/)
  t.match(await say('QUIT'), /^221/)
  await stop(receiver)
})

t.test('nobody logs in without the password; guessing is slowed and then shut out', async t => {
  for (const accounts of [undefined, [{ name: 'x' }], []]) {
    t.throws(
      () => new FtpReceiver({ listen: '127.0.0.1:0', ...(accounts === undefined ? {} : { accounts }) }, { log: memoryLog() }),
      /password|no account/
    )
  }
  const { receiver, port, counters, curl, log } = await started({ maxLoginFailures: 4 })
  const guess = (user: string) => run('curl', ['-sS', '-u', user, `ftp://127.0.0.1:${port}/`])
  for (const user of ['discovery:wrong', 'nobody:wrong', 'discovery:', '__proto__:x']) await t.rejects(guess(user))
  t.equal(counters().logins_failed_total, 4)
  t.not((await curl('')).code, 0, 'the right password does not help any more')
  t.equal(counters().logins_blocked_total, 1)
  t.ok(log.entries.some(({ message }) => message === 'login refused'))
  await stop(receiver)
})

t.test('limits: networks, connections, long lines, silence', async t => {
  const refused = await started({ allow: ['10.0.0.0/8'] })
  t.not((await refused.curl('')).code, 0)
  t.equal(refused.counters().refused_not_allowed_total, 1)
  await stop(refused.receiver)
  const { receiver, intakes, port, counters } = await started({ maxConnectionsPerPeer: 2, maxConnections: 3 })
  const first = await raw(port)
  await raw(port)
  const third = connect(port, '127.0.0.1')
  third.on('error', () => {})
  await intakes.until('refused', () => counters().refused_peer_limit_total === 1)
  first.socket.write('x'.repeat(10_000))
  t.match(await first.read(), /^500/)
  t.equal(counters().idle_closed_total, 0)
  await stop(receiver)
  const impatient = await started({ loginTimeoutMs: 300 })
  t.match(await (await raw(impatient.port)).read(), /^421/, 'who does not log in is sent away')
  t.equal(impatient.counters().idle_closed_total, 1)
  await stop(impatient.receiver)
})

t.test('who keeps talking without a login is sent away as well', async t => {
  const loginTimeoutMs = 2000 // time to check a password, on a busy machine
  const { receiver, port, counters, intakes } = await started({ loginTimeoutMs, idleTimeoutMs: 60_000 })
  // It does not stop at the last word either, as one that is far away has more on its way.
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).resume()
  socket.on('error', () => {})
  const chat = setInterval(() => socket.write('NOOP\r\n'), 20)
  await new Promise(resolve => socket.once('close', resolve))
  clearInterval(chat)
  t.equal(counters().idle_closed_total, 1)
  const other = await raw(port)
  await other.say('USER discovery')
  t.match(await other.say(`PASS ${PASSWORD}`), /^230/)
  await new Promise(resolve => setTimeout(resolve, loginTimeoutMs + 500))
  t.match(await other.say('NOOP'), /^200/, 'after the login there is the idle time')
  other.socket.destroy()
  await intakes.until('gone', () => receiver.status()[0]!.connections === 0)
  await stop(receiver)
})

t.test('silence on the data connection ends the transfer', async t => {
  const { receiver, port, counters, intakes } = await started({ dataTimeoutMs: 1000 })
  const { say, socket, read } = await raw(port)
  await say('USER discovery')
  await say(`PASS ${PASSWORD}`)
  await say('EPSV')
  t.match(await say('STOR /HQ/a.log'), /^150/)
  t.match(await read(), /^425/, 'none came')
  const dataPort = Number(/\|\|\|(\d+)\|/.exec(await say('EPSV'))?.[1])
  const data = connect(dataPort, '127.0.0.1')
  data.on('error', () => {})
  data.write('a line\n')
  t.match(await say('STOR /HQ/a.log'), /^150/)
  t.match(await read(), /^426/)
  t.equal(counters().aborted_total, 1)
  t.equal(intakes.opened, 0)
  socket.destroy()
  await stop(receiver)
})

t.test('stopping waits for the file that comes in', async t => {
  const { receiver, intakes, port, counters } = await started()
  const { say, read } = await raw(port)
  await say('USER discovery')
  await say(`PASS ${PASSWORD}`)
  const dataPort = Number(/\|\|\|(\d+)\|/.exec(await say('EPSV'))?.[1])
  const data = connect(dataPort, '127.0.0.1')
  await say('STOR /HQ/a.log')
  data.write('one\n')
  await intakes.until('bytes', () => counters().received_bytes_total! > 0)
  const stopped = stop(receiver)
  data.end('two\n')
  t.match(await read(), /^226/)
  t.match(await read(), /^421/)
  await stopped
  t.strictSame(intakes.committed, ['one', 'two'])
})

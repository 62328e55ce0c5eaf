/** A file larger than the memory it may cost, by every way that takes files. Needs curl. */
import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, createWriteStream, existsSync, linkSync, mkdirSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createGzip } from 'node:zlib'
import t from 'tap'
import { endingWithTest } from '../child-kit.ts'
import { scratchDir } from '../test-dir.ts'
import { TestAuthority } from './tls-kit.ts'

t.setTimeout(600_000)

const run = promisify(execFile)
const PASSWORD = 'a password of the test'
const BLOCK_LINES = 8192
/** Nightly 1 GiB, else a quarter of it, which is more than the memory too. */
const BLOCKS = process.env.SLUICE_TEST_NIGHTLY === '1' ? 1024 : 256
const MIB = 1024 * 1024
const MEMORY_MAX_BYTES = 200 * MIB

const dir = scratchDir('large')
t.teardown(() => rmSync(dir, { recursive: true }))
// Lines of 128 bytes, 1 MiB a block, BLOCKS of them in all.
const block = Buffer.from(
  Array.from({ length: BLOCK_LINES }, (_, i) => `${`srcip=10.0.0.${i % 256} n=${(i * 2654435761) >>> 0}`.padEnd(127, 'x')}\n`).join('')
)
const plain = join(dir, 'large.log')
const packed = `${plain}.gz`
{
  const file = await open(plain, 'w')
  for (let i = 0; i < BLOCKS; i++) await file.write(block)
  await file.close()
  await pipeline(createReadStream(plain), createGzip({ level: 1 }), createWriteStream(packed))
}
const folder = join(dir, 'drop')
mkdirSync(folder)
const { cert: certFile, key: keyFile } = new TestAuthority().issue('collector.example.com')
const listen = '127.0.0.1:0'
const accounts = [{ name: 'discovery', password: PASSWORD }]
const ftp = { listen, accounts, tls: { certFile, keyFile }, passivePortMin: 0, passivePortMax: 0 }
const sftp = { listen, accounts, hostKeyFiles: [join(dir, 'host-key')] }
const drop = { folder, ageMs: 0, scanIntervalMs: 50, after: 'delete' }
const SECRET = { 'x-sluice-secret': PASSWORD }

const upload =
  (scheme: string, path: string, ...more: string[]) =>
  (address: string) =>
    run('curl', ['-sS', '-k', '-u', `discovery:${PASSWORD}`, '-T', path, ...more, `${scheme}://${address}/large.log`])
const put = (path: string) => async () => {
  const dropped = join(folder, `large-${Math.random()}`)
  linkSync(path, dropped)
  while (existsSync(dropped)) await sleep(50)
}

const ways: readonly [title: string, kind: string, options: object, send: (address: string) => Promise<unknown>][] = [
  ['FTP', 'ftp', ftp, upload('ftp', plain)],
  ['FTP over TLS', 'ftp', ftp, upload('ftp', plain, '--ssl-reqd')],
  ['FTP, gzip', 'ftp', ftp, upload('ftp', packed)],
  ['SFTP', 'sftp', sftp, upload('sftp', plain)],
  ['SFTP, gzip', 'sftp', sftp, upload('sftp', packed)],
  ['a watched folder', 'file-drop', drop, put(plain)],
  ['a watched folder, gzip', 'file-drop', drop, put(packed)]
]

async function receiving(kind: string, options: object) {
  const forked = fork(new URL('large-files-child.ts', import.meta.url), [kind, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // As the collector runs, see src/cli/process-flags.ts.
    execArgv: ['--max-semi-space-size=2'],
    env: { ...process.env, MALLOC_ARENA_MAX: '1' }
  })
  const child = endingWithTest(forked)
  const [address] = await once(child.stdout!, 'data')
  const counted = async () => {
    child.send('count')
    return ((await once(child, 'message')) as [{ lines: number; bytes: number; maxRssBytes: number }])[0]
  }
  return { address: String(address).trim(), counted, end: () => child.disconnect() }
}

for (const [title, kind, options, send] of ways)
  t.test(`${title}: ${BLOCKS} MiB go through in less than 200 MiB of memory`, { timeout: 600_000 }, async t => {
    const { address, counted, end } = await receiving(kind, options)
    const started = Date.now()
    await send(address)
    const seconds = (Date.now() - started) / 1000
    const { lines, bytes, maxRssBytes } = await counted()
    end()
    t.comment(`${title}: ${BLOCKS} MiB in ${seconds.toFixed(1)} s, ${Math.round(maxRssBytes / MIB)} MiB resident at most`)
    t.equal(lines, BLOCK_LINES * BLOCKS)
    t.equal(bytes, BLOCKS * MIB)
    t.ok(maxRssBytes < MEMORY_MAX_BYTES, `${maxRssBytes} bytes`)
  })

t.test(
  `HTTP: a body of ${BLOCKS} MiB, sent or inflated, is refused, and costs no more than the bodies that may be held`,
  { timeout: 600_000 },
  async t => {
    const { address, counted, end } = await receiving('http-push', { listen, secret: PASSWORD, bufferedMaxBytes: 64 * MIB })
    const post = async (path: string): Promise<string> => {
      const args = ['-sS', '-k', '-o', join(dir, 'answer'), '-w', '%{http_code}', '-H', `x-sluice-secret: ${PASSWORD}`]
      const { stdout } = await run('curl', [...args, '-X', 'POST', '-T', path, `http://${address}/logs`]).catch(error => error)
      return stdout
    }
    t.equal(await post(plain), '413')
    t.equal(await post(packed), '413')
    const body = Buffer.concat(Array.from({ length: 16 }, () => block))
    const before = (await counted()).lines
    let left = BLOCKS / 16
    const one = async (): Promise<void> => {
      while (left-- > 0) {
        const answer = await fetch(`http://${address}/logs`, { method: 'POST', body, headers: SECRET })
        await answer.text()
        if (answer.status !== 200) left++ // sent again, as its sender would
      }
    }
    await Promise.all([one(), one(), one(), one()])
    const { lines, maxRssBytes } = await counted()
    end()
    t.comment(`HTTP: ${Math.round(maxRssBytes / MIB)} MiB resident at most`)
    t.equal(lines - before, BLOCK_LINES * BLOCKS)
    t.ok(maxRssBytes < MEMORY_MAX_BYTES + 64 * MIB, `${maxRssBytes} bytes`)
  }
)

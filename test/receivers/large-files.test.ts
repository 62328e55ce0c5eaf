/** Needs curl. */
import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGzip } from 'node:zlib'
import t from 'tap'
import { TestAuthority } from './tls-kit.ts'

const run = promisify(execFile)
const PASSWORD = 'a password of the test'
const BLOCK_LINES = 8192
/** Nightly 1 GiB, else a quarter of it, which is more than the memory too. */
const BLOCKS = process.env.SLUICE_TEST_NIGHTLY === '1' ? 1024 : 256
const MEMORY_MAX_BYTES = 200 * 1024 * 1024

t.test(`${BLOCKS} MiB go through in less than 200 MiB of memory, plain, over TLS and packed`, { timeout: 180_000 }, async t => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-ftp-memory-'))
  // Lines of 128 bytes, 1 MiB a block, BLOCKS of them in all.
  const block = Buffer.from(
    Array.from({ length: BLOCK_LINES }, (_, i) => `${`srcip=10.0.0.${i % 256} n=${(i * 2654435761) >>> 0}`.padEnd(127, 'x')}\n`).join('')
  )
  const path = join(dir, 'large.log')
  const file = await open(path, 'w')
  for (let i = 0; i < BLOCKS; i++) await file.write(block)
  await file.close()
  await pipeline(createReadStream(path), createGzip({ level: 1 }), createWriteStream(`${path}.gz`))
  const { cert: certFile, key: keyFile } = new TestAuthority().issue('collector.example.com')
  const options = JSON.stringify({ tls: { certFile, keyFile } })
  for (const [title, name, ...args] of [
    ['plain', path],
    ['TLS', path, '--ssl-reqd', '-k'],
    ['gzip', `${path}.gz`]
  ] as [string, string, ...string[]][]) {
    const child = fork(new URL('ftp-memory-child.ts', import.meta.url), [PASSWORD, options], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc']
    })
    const [port] = await once(child.stdout!, 'data')
    const started = Date.now()
    await run('curl', ['-sS', '-u', `discovery:${PASSWORD}`, '-T', name, ...args, `ftp://127.0.0.1:${Number(port)}/large.log`])
    const seconds = (Date.now() - started) / 1000
    child.send('count')
    const [{ lines, bytes, maxRssBytes }] = (await once(child, 'message')) as [{ lines: number; bytes: number; maxRssBytes: number }]
    child.disconnect()
    t.comment(`${title}: ${BLOCKS} MiB in ${seconds.toFixed(1)} s, ${Math.round(maxRssBytes / 2 ** 20)} MiB resident at most`)
    t.equal(lines, BLOCK_LINES * BLOCKS, title)
    t.equal(bytes, BLOCKS * 2 ** 20)
    t.ok(maxRssBytes < MEMORY_MAX_BYTES, `${title}: ${maxRssBytes} bytes`)
  }
  rmSync(dir, { recursive: true })
})

/** `sluice parse` as somebody at a terminal uses it: the real command, from a file and from standard input, packed and not. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { spawn } from '../child-kit.ts'
import { testDir } from '../test-dir.ts'

t.setTimeout(600_000) // each run is a process of its own, beside other work

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

function parse(args: string[], input: Buffer | string = ''): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--no-warnings', MAIN, 'parse', ...args], { stdio: 'pipe' })
    const ran = { out: '', err: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (ran.out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (ran.err += text))
    child.stdin.on('error', () => {}) // it need not read it all
    child.stdin.end(input)
    child.on('error', reject)
    child.on('close', code => resolve({ code, ...ran }))
  })
}

const SQUID = '1767604530.250    120 192.0.2.10 TCP_MISS/200 4512 GET http://www.example.com/ alice HIER_DIRECT/203.0.113.10 text/html\n'
const object = (user: string): string =>
  `{"sourcetype":"zscalernss-web","event":{"datetime":"Mon Jan  5 09:15:30 2026","tz":"GMT","cip":"192.0.2.10","login":"${user}","eurl":"www.example.com/"}}`
const usersOf = (out: string): (string | undefined)[] =>
  out
    .split('\n')
    .slice(0, -1)
    .map(line => (JSON.parse(line) as { record?: { user?: string } }).record?.user)

t.test('a log is read from standard input and from files, each packed by gzip or not, lines or an array of JSON', async t => {
  const folder = testDir(t)
  const files = {
    'squid.log': SQUID,
    'squid.log.gz': gzipSync(SQUID),
    'no-name-of-its-own': gzipSync(SQUID),
    'push.json': `[${object('bob')},${object('carol')}]`,
    'push.json.gz': gzipSync(`[${object('bob')},\n${object('carol')}]`)
  }
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  const all = await parse(Object.keys(files).map(name => join(folder, name)))
  t.same([all.code, all.err], [0, ''])
  t.same(usersOf(all.out), ['alice', 'alice', 'alice', 'bob', 'carol', 'bob', 'carol'])
  t.same(usersOf((await parse([], files['push.json.gz'])).out), ['bob', 'carol'])
  t.same(usersOf((await parse(['-'], files['squid.log'])).out), ['alice'])
})

t.test('a packed file that ends too early fails, with what could be read; bytes beside the objects of a document are told', async t => {
  const folder = testDir(t, { 'cut.json': `[${object('bob')},{"event":{"cip":` })
  const packed = gzipSync(SQUID.repeat(20_000))
  writeFileSync(join(folder, 'cut.gz'), packed.subarray(0, packed.length / 2))
  const cut = await parse([join(folder, 'cut.gz')])
  t.equal(cut.code, 1)
  t.match(cut.err, /cannot read ".*cut\.gz": the file is damaged: unexpected end of file/)
  t.ok(usersOf(cut.out).length > 1000)
  const beside = await parse([join(folder, 'cut.json')])
  t.same([beside.code, usersOf(beside.out)], [0, ['bob']])
  t.match(beside.err, /16 bytes of ".*cut\.json" belong to no JSON object/)
})

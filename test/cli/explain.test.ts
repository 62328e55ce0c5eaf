/** `sluice explain` as somebody at a terminal uses it: the real command, its exit code and what it prints. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import t from 'tap'
import { spawn } from '../child-kit.ts'
import { testDir } from '../test-dir.ts'

t.setTimeout(600_000) // each run is a process of its own, beside other work

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const NOW = ['--now', '2026-02-01T00:00:00Z']

interface Ran {
  code: number | null
  out: string
  err: string
  /** Most memory that the process had resident. */
  maxRssBytes: number
}

/** Says at its end on the third stream how much memory it had. */
const WATCHED = `data:text/javascript,${encodeURIComponent("import { writeSync } from 'node:fs'; process.on('exit', () => writeSync(3, String(process.resourceUsage().maxRSS)))")}`

function explain(args: string[], { cwd, input = '' }: { cwd: string; input?: string | Buffer }): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--no-warnings', '--import', WATCHED, MAIN, 'explain', ...NOW, ...args], {
      cwd,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe']
    })
    const ran: Record<'out' | 'err' | 'rss', Buffer[]> = { out: [], err: [], rss: [] }
    child.stdout!.on('data', (chunk: Buffer) => ran.out.push(chunk))
    child.stderr!.on('data', (chunk: Buffer) => ran.err.push(chunk))
    child.stdio[3]!.on('data', (chunk: Buffer) => ran.rss.push(chunk))
    child.stdin!.on('error', () => {}) // it need not read it all
    child.stdin!.end(input)
    child.on('error', reject)
    child.on('close', code => {
      const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString()
      resolve({ code, out: text(ran.out), err: text(ran.err), maxRssBytes: Number(text(ran.rss)) * 1024 })
    })
  })
}

const forti = (time: string, server: string, more = ''): string =>
  `<189>date=${time.slice(0, 10)} time=${time.slice(11, 19)} devid="FG100" logid="0000000013" type="traffic" subtype="forward" eventtime=${Date.parse(time) / 1000} srcip=10.0.0.7 dstip=${server} dstport=443 proto=6 action="close" sentbyte=10 rcvdbyte=20${more}\n`
const GOOD = forti('2026-01-15T10:00:00Z', '203.0.113.9', ' user="alice"')
const OLD_ASA =
  'Sep  1 2025 10:00:00 fw : %ASA-6-106100: access-list x permitted tcp inside/10.0.0.7(5000) -> outside/203.0.113.9(443) hit-cnt 1 first hit\n'
const NSS = (fields: string): string =>
  `{"sourcetype":"zscalernss-web","event":{"time":"Thu Jan 15 10:00:00 2026","tz":"GMT",${fields},"action":"Allowed"}}\n`
const GOOD_NSS = NSS('"cip":"10.0.0.7","eurl":"www.example.com/a","reqsize":1')
const NO_CLIENT = NSS('"login":"alice@example.com","eurl":"www.example.com/a","reqsize":1')

interface Refusal {
  file: string
  rule: string
  text: string
  line: number
  /** What stands at the column that is named. */
  there: string
  remedy: RegExp
  setting?: RegExp
}

const REFUSALS: Refusal[] = [
  {
    file: 'mismatch.log',
    rule: 'format_mismatch',
    text: GOOD_NSS + NO_CLIENT.repeat(3),
    line: 2,
    there: '{"sourcetype"',
    remedy: /no client address was found/,
    setting: /put cip into the feed output format/
  },
  {
    file: 'unknown.log',
    rule: 'format_mismatch',
    text: '<13>Jan 15 10:00:00 host tag: hello\nworld\n',
    line: 1,
    there: 'tag: hello',
    remedy: /no parser knows the line/
  },
  {
    file: 'old.log',
    rule: 'too_old',
    text: OLD_ASA,
    line: 1,
    there: 'Sep  1 2025',
    remedy: /newer logs/,
    setting: /logging timestamp rfc5424/
  },
  {
    file: 'internal.log',
    rule: 'internal_only',
    text: forti('2026-01-15T10:00:00Z', '192.168.3.4') + forti('2026-01-15T10:00:01Z', '10.9.9.9'),
    line: 1,
    there: '192.168.3.4',
    remedy: /outbound traffic/,
    setting: /set logtraffic all/
  },
  { file: 'marked.log', rule: 'byte_order_mark', text: `\ufeff${GOOD}`, line: 1, there: '\ufeff', remedy: /Sluice, which removes the mark/ }
]

t.test('what the service would take: exit code 0, as text and as JSON', async t => {
  const cwd = testDir(t, { 'a.log': GOOD.repeat(3) })
  const shown = await explain(['a.log'], { cwd })
  t.equal(shown.code, 0, shown.err)
  t.match(shown.out, /^a\.log: Cloud Discovery would take it\n/)
  t.match(shown.out, /recognised {2}Fortinet FortiGate \(fortinet-fortigate\), 100 % of the lines/)
  t.notMatch(shown.out, /REFUSED|warning/)
  const json = await explain(['--json', 'a.log'], { cwd })
  t.equal(json.code, 0)
  t.match(JSON.parse(json.out), { file: 'a.log', lines: 3, records: 3, verdict: 'accepted', problems: [] })
})

for (const { file, rule, text, line, there, remedy, setting } of REFUSALS) {
  t.test(`${file}: ${rule} is exit code 1, with line, column, remedy and the appliance's setting`, async t => {
    const cwd = testDir(t, { [file]: text })
    const shown = await explain([file], { cwd })
    t.equal(shown.code, 1, shown.err)
    t.match(shown.out, `${file}: Cloud Discovery would refuse it\n`)
    const [, said = ''] = shown.out.split(`  REFUSED     ${rule}: `)
    const place = /first at line (\d+), column (\d+)/.exec(said)
    t.equal(Number(place?.[1]), line)
    const offending = Buffer.from(text.split('\n')[line - 1]!)
    t.equal(offending.toString('utf8', Number(place?.[2]) - 1).slice(0, there.length), there, 'what stands at the column')
    t.match(said, remedy)
    if (setting === undefined) t.notMatch(said, /on the appliance/)
    else t.match(said, new RegExp(`on the appliance: .*${setting.source}`))

    const json = await explain(['--json', file], { cwd })
    t.equal(json.code, 1)
    const explanation = JSON.parse(json.out) as { verdict: string; problems: object[] }
    t.equal(explanation.verdict, 'refused')
    t.match(explanation.problems, [{ rule, refuses: true, line, column: Number(place?.[2]), remedy }])
  })
}

t.test('a file above the limit is refused, and read in the memory that a small one takes', async t => {
  const cwd = testDir(t, { 'small.log': GOOD, 'large.log': GOOD.repeat(1000) })
  await truncate(join(cwd, 'large.log'), 1_100_000_000) // sparse: it takes no disk
  const small = await explain(['small.log'], { cwd })
  t.equal(small.code, 0)
  const large = await explain(['--json', 'large.log'], { cwd })
  t.equal(large.code, 1, large.err)
  t.match(JSON.parse(large.out), {
    bytes: 1_100_000_000,
    records: 1000,
    problems: [{ rule: 'too_large', refuses: true, remedy: /right size/ }]
  })
  t.ok(large.maxRssBytes < small.maxRssBytes + 150e6, `${large.maxRssBytes} bytes for the large file, ${small.maxRssBytes} for the small`)
})

t.test('several files are answered one by one; one that cannot be read costs the exit code, not the others', async t => {
  const cwd = testDir(t, { 'a.log': GOOD, 'b.log': `${GOOD}${OLD_ASA}`, 'old.log': OLD_ASA })
  const good = await explain(['--json', 'a.log', 'b.log'], { cwd })
  t.equal(good.code, 0, good.err)
  t.match(
    good.out
      .trim()
      .split('\n')
      .map(line => JSON.parse(line)),
    [
      { file: 'a.log', verdict: 'accepted' },
      { file: 'b.log', verdict: 'accepted', problems: [{ rule: 'too_old', refuses: false, line: 2 }] }
    ]
  )
  const mixed = await explain(['old.log', 'missing.log', 'a.log'], { cwd })
  t.equal(mixed.code, 1)
  t.match(mixed.out, /^old\.log: .*refuse[\s\S]*^a\.log: .*take/m)
  t.match(mixed.err, /^sluice explain: cannot read "missing\.log": ENOENT/)
  t.equal((await explain(['missing.log', 'a.log'], { cwd })).code, 1)
})

t.test('standard input is read, and packed logs are unpacked wherever they come from', async t => {
  const cwd = testDir(t, { 'packed.log': gzipSync(GOOD), 'cut.log.gz': gzipSync(GOOD.repeat(100)).subarray(0, 60) })
  for (const args of [[], ['-']]) t.match((await explain(args, { cwd, input: GOOD })).out, /^-: .*take it\n {2}lines {7}1: 1 records/)
  const old = await explain(['--json'], { cwd, input: gzipSync(OLD_ASA) })
  t.equal(old.code, 1)
  t.match(JSON.parse(old.out), { file: '-', problems: [{ rule: 'too_old' }] })
  const two = await explain(['--json'], { cwd, input: Buffer.concat([gzipSync(GOOD), gzipSync(GOOD)]) })
  t.match(JSON.parse(two.out), { records: 2 }, 'of several members')
  t.match(JSON.parse((await explain(['--json', 'packed.log'], { cwd })).out), { records: 1 }, 'told by its bytes, not its name')
  const cut = await explain(['cut.log.gz'], { cwd })
  t.equal(cut.code, 1)
  t.match(cut.err, /cannot read "cut\.log\.gz": the file is damaged: unexpected end of file/)
  for (const [name, bytes] of [
    ['zst', zstdCompressSync(GOOD)],
    ['xz', execFileSync('xz', ['-c'], { input: GOOD })],
    ['bz2', execFileSync('bzip2', ['-c'], { input: GOOD })]
  ] as const) {
    writeFileSync(join(cwd, name), bytes)
    t.match(JSON.parse((await explain(['--json', name], { cwd })).out), { records: 1 }, name)
  }
  writeFileSync(join(cwd, 'log.7z'), Buffer.from('377abcaf271c0004', 'hex'))
  t.match(await explain(['log.7z'], { cwd }), { code: 1, err: /cannot read "log\.7z": 7z is not read; .*\(7z x FILE\)/ })
  const nothing = await explain(['--json'], { cwd })
  t.equal(nothing.code, 1)
  t.match(JSON.parse(nothing.out), { lines: 0, problems: [{ rule: 'no_records' }] })
})

t.test('objects of a JSON document are counted as such, and the first that breaks a rule is named by its number', async t => {
  const cwd = testDir(t, { 'push.json': `[${GOOD_NSS.trim()},\n${NO_CLIENT.trim()},${GOOD_NSS.trim()}, rubbish]` })
  const text = await explain(['push.json'], { cwd })
  t.match(text.out, /objects {5}3: 2 records, 0 skipped, 0 malformed, 1 without/)
  t.match(text.out, /recognised {2}.*\(zscaler-nss\), 100 % of the objects/)
  t.match(text.out, /left out {4}7 bytes that belong to no JSON object/)
  t.match(text.out, /first at object 2, column/)
  const json = JSON.parse((await explain(['--json', 'push.json'], { cwd })).out)
  t.match(json, { unit: 'object', lines: 3, discardedBytes: 7, verdict: 'accepted', problems: [{ rule: 'bad_lines', line: 2 }] })
})

t.test('a file of UTF-16 is named as such', async t => {
  const cwd = testDir(t, { 'wide.log': Buffer.from(`\ufeff${GOOD}`, 'utf16le') })
  const { code, out } = await explain(['wide.log'], { cwd })
  t.equal(code, 1)
  t.match(out, /byte_order_mark: .*UTF-16[\s\S]*save it as UTF-8 without mark/)
})

t.test('a line cannot steer the terminal', async t => {
  const { out } = await explain([], { cwd: testDir(t), input: 'x\x1b[2Jy\u202ez\n' })
  t.match(out, /column 1: x·\[2Jy·z\n/)
})

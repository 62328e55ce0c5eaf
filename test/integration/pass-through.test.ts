/**
 * Lines of appliances whose format is not public go through a running collector as they came, under the vendor's string, with the
 * sources of config/pass-through.yaml.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { packageRoot } from '../../src/lib/package-root.ts'
import { isKnownSourceString } from '../../src/lib/source-strings.ts'
import { testDir } from '../test-dir.ts'
import { connectTo, finish, linesOf, type Setup, startCollector, until, write } from './collector-kit.ts'

interface Example {
  receivers: Setup['receivers']
  sources: { name: string; format?: string; source_string?: string }[]
}

const EXAMPLE = join(packageRoot(), 'config/pass-through.yaml')
const LONG = { timeout: 600_000 }
t.setTimeout(600_000)

/** Bytes that a reader of any format would change: headers, quotes, escapes, other than ASCII, blanks at the end. */
const lines = (of: string): string[] => [
  `<134>Jan  5 09:15:31 gw1 ${of}[12]: alice 192.0.2.10 https://user:pw@EXAMPLE.com/a?b=1#c 0 - "x\\"y"\t|=`,
  `<134>1 2026-01-05T09:15:31Z gw1 ${of} - - [a b="]"] Jörg ２０３.0.113.9 %zz`,
  '#Fields: date time c-ip',
  `CEF:0|Vendor|${of}|1|a|b|1|src=10.0.0.1 dst=10.0.0.2  `,
  'x'.repeat(9000)
]

t.test('the lines of each source arrive byte by byte, under its string', LONG, async t => {
  const example = parse(readFileSync(EXAMPLE, 'utf8')) as Example
  const cwd = testDir(t, { in: {} })
  const collector = await startCollector(t, cwd, {
    receivers: example.receivers.map(receiver =>
      'folder' in receiver
        ? { ...receiver, folder: join(cwd, 'in'), age: 0, scan_interval: '200ms' }
        : { ...receiver, listen: '127.0.0.1:0' }
    ),
    sources: [],
    overrides: { sources: example.sources }
  })
  const raw = example.sources.filter(source => source.format === 'raw')
  t.same(
    raw.map(source => source.source_string),
    ['CONTENTKEEPER_SYSLOG', 'WANDERA_SYSLOG', 'CORRATA', 'OPEN_SYSTEMS_SECURE_WEB_GATEWAY']
  )

  for (const [receiver, source] of [
    ['contentkeeper', 'ContentKeeper'],
    ['wandera', 'Wandera']
  ] as const) {
    const socket = await connectTo(collector.port(receiver, 'syslog-tcp'))
    await write(socket, `${lines(source).join('\n')}\n`)
    await finish(socket)
  }
  for (const source of ['Corrata', 'OpenSystems']) {
    const folder = join(cwd, 'in', source)
    await until(`the folder of ${source} is there`, () => existsSync(folder))
    writeFileSync(join(folder, '.a.log'), `${lines(source).join('\n')}\n`)
    renameSync(join(folder, '.a.log'), join(folder, 'a.log'))
  }
  // What all other senders write is read as ever, by the source that takes the rest.
  writeFileSync(
    join(cwd, 'in', 'Others', 'b.log'),
    'CEF:0|Example|Gateway|2.1|100|Web request|3|rt=1767604530250 src=192.0.2.10 suser=u7 dhost=files.example.com in=1 out=2 act=allowed\n'
  )

  for (const { name } of raw) {
    const seen = () => linesOf(collector.files(name))
    await until(
      `the lines of ${name} are with the tenant`,
      () => seen().length >= 5,
      () => `but it has ${JSON.stringify(seen()).slice(0, 1000)}`
    )
    t.same(seen(), lines(name), name)
  }
  await until('the line that is read is there', () => linesOf(collector.files('Others')).length === 1)
  t.match(linesOf(collector.files('Others'))[0], /^CEF:0\|Sluice\|.* suser=u7 /)

  const status = await collector.statusUntil('all is uploaded', ({ balance }) => balance.delivery.uploaded >= 4 * 5 + 1)
  t.ok(status.balance.balanced, JSON.stringify(status.balance))
  const lacking = status.sources.filter(({ attributes }) => attributes.length === 0).map(({ name }) => name)
  t.same(lacking.sort(), raw.map(({ name }) => name).sort(), 'nobody says what the records lack that are none')
  const { uploads } = JSON.parse(readFileSync(join(cwd, 'tenant', 'index.json'), 'utf8')) as {
    uploads: { stream: string; sourceString: string }[]
  }
  for (const { name, source_string: told } of raw) {
    t.ok(isKnownSourceString(told!), `${told} is in the service's list`)
    const strings = uploads.filter(({ stream }) => stream === name).map(({ sourceString }) => sourceString)
    t.same([...new Set(strings)], [told], `the service is told what ${name} is`)
  }
})

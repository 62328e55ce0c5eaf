/**
 * Real senders: rsyslogd and logger deliver the lines of real appliances, and what the tenant got, read by an independent reader,
 * is what `sluice parse` prints for the same lines.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { spawn } from '../child-kit.ts'
import { fileLines, type Pairs, readCef } from '../encode/readers.ts'
import { testDir } from '../test-dir.ts'
import { configText, type RunningCollector, startCollector, until } from './collector-kit.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')
const FIXTURES = join(import.meta.dirname, '../fixtures')
/** Samples that lie beside some checkouts; what is there is sent as well. */
const SAMPLES = join(import.meta.dirname, '../../../shared/samples')
const APPLIANCES = /^(fortinet-fortigate|paloalto|cisco-asa|squid-native|zscaler-nss|generic-cef|generic-leef)/

const PACKAGES: Record<string, string> = { rsyslogd: 'rsyslog', logger: 'bsdutils' }

/** The program's path. A machine without it fails the test, and is told what to install. */
function program(t: Test, name: string): string {
  const found = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].map(folder => join(folder, name)).find(path => existsSync(path))
  if (found === undefined) throw new Error(`${name} is missing: apt-get install ${PACKAGES[name]}`)
  t.pass(`${name} is here`)
  return found
}

/** Lines of all fixtures and samples of those appliances, without empty ones, which no sender sends. */
function appliancesLines(): string[] {
  const files = [FIXTURES, SAMPLES]
    .filter(folder => existsSync(folder))
    .flatMap(folder =>
      readdirSync(folder)
        .filter(name => APPLIANCES.test(name))
        .flatMap(name => readdirSync(join(folder, name)).map(file => join(folder, name, file)))
    )
    .filter(file => file.endsWith('.log'))
    .sort()
  return files.flatMap(file => readFileSync(file, 'utf8').split(/\r?\n/)).filter(line => line.trim() !== '')
}

interface ParsedLine {
  outcome: string
  rejected?: string
  record?: Record<string, string | number>
}

function sluiceParse(lines: readonly string[], nowMs: number): ParsedLine[] {
  const { stdout, status, stderr } = spawnSync(process.execPath, [MAIN, 'parse', '--now', new Date(nowMs).toISOString()], {
    input: lines.map(line => `${line}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 2 ** 28
  })
  if (status !== 0) throw new Error(`sluice parse failed: ${stderr}`)
  return stdout
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as ParsedLine)
}

/** A line without any time is given the time of its arrival, which two collectors cannot agree on. */
const ARRIVAL = 'time of arrival'

/** Records of the lines, with ARRIVAL as time where `sluice parse` took the clock. */
function recordsOf(lines: readonly string[]): Pairs[] {
  const later = sluiceParse(lines, START_MS + 1000)
  return sluiceParse(lines, START_MS).flatMap(({ record, rejected }, index) => {
    if (record === undefined || rejected !== undefined) return [] // shown, but never sent on
    return record.time === later[index]!.record!.time ? [asCef(record)] : [{ ...asCef(record), rt: ARRIVAL }]
  })
}

/** A record of `sluice parse` as the keys of GENERIC_CEF say it (record.md sections 3 and 4). */
function asCef(record: NonNullable<ParsedLine['record']>): Pairs {
  const { uploadedBytes, downloadedBytes, totalBytes } = record
  const pairs = {
    rt: Date.parse(String(record.time)),
    src: record.srcIp,
    suser: record.user,
    shost: record.device,
    dst: record.dstIp,
    dpt: record.dstPort,
    dhost: record.dstHost,
    in: downloadedBytes ?? (uploadedBytes === undefined ? totalBytes : undefined),
    out: uploadedBytes,
    act: record.action,
    request: record.url ?? record.dstHost
  }
  return Object.fromEntries(Object.entries(pairs).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])))
}

const inOrder = (pairs: readonly Pairs[]): string[] => pairs.map(pair => JSON.stringify(pair, Object.keys(pair).sort())).sort()

/** What the tenant got of a source, once it is as much as expected. */
async function received(collector: RunningCollector, source: string, count: number): Promise<Pairs[]> {
  const read = () => collector.files(source).flatMap(fileLines)
  await until(
    `the tenant has ${count} records of ${source}`,
    async () => read().length >= count,
    () => `but it has ${read().length}`
  )
  return read().map(line => {
    const { extension } = readCef(line)
    const rt = Number(extension.rt)
    return rt >= START_MS && rt <= Date.now() ? { ...extension, rt: ARRIVAL } : extension
  })
}

/**
 * What logger sends: a header of its own before each line. Its time stands for records whose line has none, and a test cannot
 * know it, so those lines are left out.
 */
function withoutHeaderTimes(lines: readonly string[]): { lines: string[]; records: Pairs[] } {
  const wrapped = (clock: string) => lines.map(line => `<13>Nov 24 ${clock} relay appliance: ${line}`)
  const [one, other] = [sluiceParse(wrapped('10:10:00'), START_MS), sluiceParse(wrapped('10:20:00'), START_MS)]
  const steady = lines.filter((_, index) => JSON.stringify(one[index]) === JSON.stringify(other[index]))
  return { lines: steady, records: recordsOf(steady.map(line => `<13>Nov 24 10:10:00 relay appliance: ${line}`)) }
}

/** The longest message logger is told to send. */
const LOGGER_MAX_BYTES = 8192

const START_MS = Date.now()
const lines = appliancesLines()
const records = recordsOf(lines)

const LONG = { timeout: 600_000 }
const names = ['rsyslog-udp', 'rsyslog-tcp', 'rsyslog-octet', 'logger-udp', 'logger-tcp', 'logger-octet'] as const

t.setTimeout(600_000)

t.test('there are lines of several appliances, most of which are records', async t => {
  t.equal(sluiceParse(lines, START_MS).length, lines.length, 'one answer per line')
  t.ok(records.length > 50, `${records.length} records of ${lines.length} lines`)
})

t.test('rsyslogd and logger deliver exactly the records of sluice parse', LONG, async t => {
  const rsyslogd = program(t, 'rsyslogd')
  const logger = program(t, 'logger')
  const cwd = testDir(t, { work: {} })
  const collector = await startCollector(t, cwd, {
    receivers: names.map(name => ({ name, protocols: [name.endsWith('udp') ? 'udp' : 'tcp'] })),
    sources: names.map(name => ({ name, receiver: name }))
  })
  const port = (name: (typeof names)[number]) => collector.port(name, name.endsWith('udp') ? 'syslog-udp' : 'syslog-tcp')

  await t.test('rsyslogd reads a file and forwards it raw, over UDP and TCP in both framings', LONG, async t => {
    // A counted message begins with its priority (RFC 6587 section 3.4.1), so lines that have none are given one.
    const counted = lines.map(line => (line.startsWith('<') ? line : `<134>${line}`))
    const input = join(cwd, 'lines.log')
    const countedInput = join(cwd, 'counted.log')
    writeFileSync(input, lines.map(line => `${line}\n`).join(''))
    writeFileSync(countedInput, counted.map(line => `${line}\n`).join(''))
    const config = join(cwd, 'rsyslog.conf')
    const forward = (name: (typeof names)[number], more: string) =>
      `action(type="omfwd" target="127.0.0.1" port="${port(name)}" template="raw" ${more})`
    writeFileSync(
      config,
      `global(workDirectory="${join(cwd, 'work')}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off")
module(load="imfile" mode="inotify")
template(name="raw" type="string" string="%msg%")
ruleset(name="out") {
  ${forward('rsyslog-udp', 'protocol="udp" udp.sendDelay="300"')}
  ${forward('rsyslog-tcp', 'protocol="tcp" TCP_Framing="traditional"')}
}
ruleset(name="counted") {
  ${forward('rsyslog-octet', 'protocol="tcp" TCP_Framing="octet-counted"')}
}
input(type="imfile" File="${input}" Tag="appliance" ruleset="out")
input(type="imfile" File="${countedInput}" Tag="appliance" ruleset="counted")
`
    )
    const child = spawn(rsyslogd, ['-n', '-f', config, '-i', join(cwd, 'rsyslogd.pid')], { stdio: ['ignore', 'inherit', 'inherit'] })
    const exited = once(child, 'exit')
    t.teardown(async () => {
      child.kill('SIGTERM')
      await exited
    })
    const wanted = { 'rsyslog-udp': records, 'rsyslog-tcp': records, 'rsyslog-octet': recordsOf(counted) }
    for (const [name, all] of Object.entries(wanted)) t.same(inOrder(await received(collector, name, all.length)), inOrder(all), name)
  })

  await t.test('logger wraps each line into a syslog header of its own, over UDP and TCP in both framings', LONG, async t => {
    const sent = lines.filter(line => Buffer.byteLength(line) < LOGGER_MAX_BYTES)
    const wanted = withoutHeaderTimes(sent)
    t.ok(wanted.records.length > 20, `${wanted.records.length} records`)
    const steady = wanted.lines
    const batches = Array.from({ length: Math.ceil(steady.length / 50) }, (_, index) => steady.slice(index * 50, index * 50 + 50))
    const how = { 'logger-udp': ['--udp'], 'logger-tcp': ['--tcp'], 'logger-octet': ['--tcp', '--octet-count'] } as const
    for (const [name, options] of Object.entries(how)) {
      const target = ['--server', '127.0.0.1', '--port', String(port(name as keyof typeof how))]
      for (const batch of batches) {
        const { status, stderr } = spawnSync(
          logger,
          [...target, ...options, '--rfc3164', '--tag', 'appliance', '--size', String(LOGGER_MAX_BYTES)],
          {
            input: batch.map(line => `${line}\n`).join(''),
            encoding: 'utf8'
          }
        )
        t.equal(status, 0, stderr)
      }
      t.same(inOrder(await received(collector, name, wanted.records.length)), inOrder(wanted.records), name)
    }
  })

  const status = await collector.statusUntil('all is uploaded', ({ balance }) => balance.delivery.spooled === 0)
  t.ok(status.balance.balanced, JSON.stringify(status.balance))
  t.equal(status.balance.delivery.uploaded, status.balance.records.written, 'every record reached the tenant')
  const dropped = status.sources.flatMap(source => source.dropped.map(({ reason }) => reason))
  t.same(
    [...new Set(dropped)].filter(reason => !['bad_time', 'no_source', 'no_destination'].includes(reason)),
    [],
    'only what lacks something was dropped'
  )
  t.same(await collector.stop(), [0, null])
})

t.test('the configuration of these tests is one that sluice takes', async t => {
  const cwd = testDir(t, { 'sluice.yaml': configText({ receivers: [{ name: 'a', protocols: ['tcp'] }], sources: [{ name: 'a' }] }) })
  const { status, stderr } = spawnSync(process.execPath, [MAIN, 'validate', '--no-environment'], { cwd, encoding: 'utf8' })
  t.equal(status, 0, stderr)
})

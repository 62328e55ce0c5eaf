/** Sluice and rsyslog as child processes, each receiving over TCP (and UDP), parsing FortiGate lines and writing gzip. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cpuSecondsOf, peakMemoryOf, sleep, until } from './measure.ts'

export interface Collector {
  name: string
  port: number
  cpuSeconds(): number
  peakMemoryBytes(): number
  /** Lines that came out at the far end so far, as far as the collector tells. */
  linesDone(): Promise<number>
  stop(): Promise<void>
}

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** Ports of the bench; fixed, so that a run that was cut off is noticed. */
const SLUICE_PORT = 25_514
const ADMIN_PORT = 29_600
const TENANT_PORT = 29_601
const RSYSLOG_PORT = 25_515

export async function startSluice(lanes: number, options: { profileDir?: string } = {}): Promise<Collector> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const config = {
    receivers: [{ type: 'syslog', listen: `127.0.0.1:${SLUICE_PORT}` }],
    tenant: { local: { dir: join(dir, 'tenant'), listen: `127.0.0.1:${TENANT_PORT}` } },
    spool: { dir: join(dir, 'spool') },
    admin: { listen: `127.0.0.1:${ADMIN_PORT}` },
    // the tenant is fed after the measurement: its own work is not the collector's
    upload: { flush_interval: '1h' },
    log: { level: 'warn', format: 'json' },
    lanes
  }
  writeFileSync(join(dir, 'sluice.yaml'), JSON.stringify(config))
  const profile = options.profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profileDir}`]
  const child = spawn(process.execPath, [...profile, MAIN, 'run', '--config', join(dir, 'sluice.yaml')], {
    stdio: ['ignore', 'ignore', 'inherit']
  })
  await ready(child, `http://127.0.0.1:${ADMIN_PORT}/ready`)
  return {
    name: `sluice, ${lanes} lane${lanes === 1 ? '' : 's'}`,
    port: SLUICE_PORT,
    cpuSeconds: () => cpuSecondsOf(child.pid!),
    peakMemoryBytes: () => peakMemoryOf(child.pid!),
    linesDone: async () => {
      const status = (await (await fetch(`http://127.0.0.1:${ADMIN_PORT}/api/v1/status`)).json()) as {
        balance: { delivery: { written: number } }
      }
      return status.balance.delivery.written
    },
    stop: () => ended(child, dir)
  }
}

async function ready(child: ChildProcess, url: string): Promise<void> {
  await until(`${url}`, async () => {
    if (child.exitCode !== null) throw new Error(`The collector ended with ${child.exitCode}`)
    return fetch(url).then(
      answer => answer.ok,
      () => false
    )
  })
}

async function ended(child: ChildProcess, dir: string): Promise<void> {
  const exit = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  await exit
  rmSync(dir, { recursive: true, force: true })
}

/** rsyslog's nearest equivalent: imtcp, mmnormalize (liblognorm) by the known order of the fields, a CEF template, gzip level 1. */
export async function startRsyslog(parsing: 'every field' | 'wanted fields'): Promise<Collector> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const out = join(dir, 'out.gz')
  writeFileSync(join(dir, 'fortigate.rb'), rulebase(parsing === 'every field' ? WHOLE_RULE : SHORT_RULE))
  writeFileSync(join(dir, 'stats.json'), '')
  writeFileSync(
    join(dir, 'rsyslog.conf'),
    `global(workDirectory="${dir}" maxMessageSize="64k")
module(load="imtcp") module(load="mmnormalize")
module(load="impstats" interval="1" format="json" log.file="${join(dir, 'stats.json')}" log.syslog="off" resetCounters="off")
template(name="cef" type="string" string="CEF:0|Sluice|Collector|1|traffic|Web traffic|1|rt=%$!eventtime% src=%$!srcip% suser=%$!user% shost=%$!srcname% dst=%$!dstip% dpt=%$!dstport% dhost=%$!hostname% in=%$!rcvdbyte% out=%$!sentbyte% act=%$!action%\\n")
main_queue(queue.type="FixedArray" queue.size="100000" queue.workerThreads="1")
ruleset(name="parse") {
  action(type="mmnormalize" rulebase="${join(dir, 'fortigate.rb')}" useRawMsg="on")
  action(name="out" type="omfile" file="${out}" template="cef" zipLevel="1" veryRobustZip="off" asyncWriting="on" ioBufferSize="256k" flushOnTXEnd="off")
}
input(type="imtcp" port="${RSYSLOG_PORT}" address="127.0.0.1" ruleset="parse")
`
  )
  const child = spawn('rsyslogd', ['-n', '-f', join(dir, 'rsyslog.conf'), '-i', join(dir, 'pid')], {
    stdio: ['ignore', 'ignore', 'inherit']
  })
  await new Promise<void>((resolve, reject) => {
    child.once('error', () => reject(new Error('Cannot start rsyslogd (Debian package rsyslog)')))
    setTimeout(resolve, 1500)
  })
  const processed = (): number => {
    const lines = readFileSync(join(dir, 'stats.json'), 'utf8').split('\n')
    const last = lines.findLast(line => line.includes('"name": "out"') || line.includes('"name":"out"'))
    return Number(/"processed":\s*(\d+)/.exec(last ?? '')?.[1] ?? 0)
  }
  return {
    name: `rsyslog, mmnormalize (${parsing}), gzip 1`,
    port: RSYSLOG_PORT,
    cpuSeconds: () => cpuSecondsOf(child.pid!),
    peakMemoryBytes: () => peakMemoryOf(child.pid!),
    linesDone: async () => processed(),
    stop: async () => {
      await sleep(100)
      if (statSync(out, { throwIfNoEntry: false }) === undefined) throw new Error('rsyslog wrote nothing')
      await ended(child, dir)
    }
  }
}

const QUOTED = new Set(
  'devname devid tz logid type subtype level vd srcname srcintf srcintfrole dstintf dstintfrole srccountry dstcountry action policytype poluuid policyname user group authserver service trandisp app appcat apprisk applist hostname utmaction'.split(
    ' '
  )
)
const FIELDS =
  'date time devname devid eventtime tz logid type subtype level vd srcip srcname srcport srcintf srcintfrole dstip dstport dstintf dstintfrole srccountry dstcountry sessionid proto action policyid policytype poluuid policyname user group authserver service trandisp transip transport appid app appcat apprisk applist duration sentbyte rcvdbyte sentpkt rcvdpkt hostname utmaction'.split(
    ' '
  )
const field = (key: string): string => `${key}=%${key}:${QUOTED.has(key) ? 'string{"quoting.mode":"required"}' : 'word'}%`
const skipTo = (key: string): string => `%-:string-to{"extradata":"${key}="}%`

/** Every field, as Sluice looks at every field; liblognorm knows no key=value list with quotes, so the order is fixed. */
const WHOLE_RULE = `${FIELDS.map(field).join(' ')} countapp=%countapp:word%`
/** Only the fields that the CEF line has, the others jumped over: faster, and wrong as soon as a value holds ` user=`. */
const SHORT_RULE = `${['date', 'time', 'devname', 'devid', 'eventtime', 'tz', 'logid', 'type', 'subtype', 'level', 'vd', 'srcip', 'srcname', 'srcport', 'srcintf', 'srcintfrole', 'dstip', 'dstport'].map(field).join(' ')} ${['action', 'user', 'sentbyte'].map(key => skipTo(key) + field(key)).join(' ')} ${field('rcvdbyte')} ${skipTo('hostname')}${field('hostname')}%-:rest%`

const rulebase = (rule: string): string => `version=2\nrule=:<%pri:number%>${rule}\n`

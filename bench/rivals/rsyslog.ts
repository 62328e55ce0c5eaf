/** rsyslog as a child process: imtcp or imudp, mmnormalize (liblognorm), a template for the CEF line, gzip level 1. */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Collector, ended, measuresOf, newFolder, PORTS, type ReceiveBuffer, startProgram } from '../collectors.ts'
import type { LineKind } from '../lines.ts'
import { sleep } from '../measure.ts'
import { RSYSLOG_TASKS, type RsyslogTask } from './rsyslog-rules.ts'

/** rsyslog's nearest equivalent of what Sluice does with these lines; several kinds are told apart by their rules. */
export async function startRsyslog(kinds: readonly LineKind[], task = 'whole', udp?: ReceiveBuffer): Promise<Collector> {
  const dir = newFolder()
  const out = join(dir, 'out.gz')
  const tasks = kinds.map(kind => RSYSLOG_TASKS[kind === 'fortinet-fortigate' && task === 'wanted' ? 'fortinet-fortigate-wanted' : kind])
  writeFileSync(join(dir, 'rules.rb'), `version=2\n${tasks.map(({ rule }) => `rule=:${rule}\n`).join('')}`)
  writeFileSync(join(dir, 'stats.json'), '')
  writeFileSync(join(dir, 'rsyslog.conf'), configuration(dir, out, tasks, inputOf(udp)))
  const child = await startProgram('rsyslogd', ['-n', '-f', join(dir, 'rsyslog.conf'), '-i', join(dir, 'pid')], () => sleep(1500))
  const counted = (): { done: number; failed: number } => {
    const lines = readFileSync(join(dir, 'stats.json'), 'utf8').split('\n')
    const of = (name: string): number =>
      Number(/"processed":\s*(\d+)/.exec(lines.findLast(line => new RegExp(`"name":\\s*"${name}"`).test(line)) ?? '')?.[1] ?? 0)
    return { done: of('out'), failed: of('unparsed') }
  }
  return {
    name: `rsyslog, mmnormalize${task === 'wanted' ? ' (wanted fields)' : ''}, gzip 1`,
    port: PORTS.rsyslog,
    ...measuresOf(child),
    linesDone: async () => counted().done,
    stop: async () => {
      await sleep(100)
      const { failed } = counted()
      const wrote = statSync(out, { throwIfNoEntry: false }) !== undefined
      await ended(child, dir)
      if (!wrote) throw new Error('rsyslog wrote nothing')
      if (failed > 0) throw new Error(`rsyslog could not parse ${failed} lines of ${kinds.join(', ')}`)
    }
  }
}

/** By TCP, or by UDP with a receive buffer. */
function inputOf(udp: ReceiveBuffer | undefined): string {
  const where = `port="${PORTS.rsyslog}" address="127.0.0.1" ruleset="parse"`
  if (udp === undefined) return `module(load="imtcp")\ninput(type="imtcp" ${where} supportOctetCountedFraming="off")`
  const buffer = udp === 'default' ? '' : `rcvbufSize="${udp}"`
  return `module(load="imudp" batchSize="128")\ninput(type="imudp" ${where} ${buffer})`
}

/** Lines that no rule fits go to `unparsed`, which must stay at nought: a rival that does not do the work is none. */
function configuration(dir: string, out: string, tasks: readonly RsyslogTask[], input: string): string {
  const cef = tasks.map(({ fields }, index) => `template(name="cef${index}" type="string" string="${cefTemplate(fields)}\\n")`).join('\n')
  const write = (index: number): string =>
    `action(name="out" type="omfile" file="${out}" template="cef${index}" zipLevel="1" veryRobustZip="off" asyncWriting="on" ioBufferSize="256k" flushOnTXEnd="off")`
  const byKind =
    tasks.length === 1
      ? `if $parsesuccess == "OK" then { ${write(0)} } else { action(name="unparsed" type="omfile" file="${dir}/unparsed") }`
      : mixed(tasks, dir, out)
  return `global(workDirectory="${dir}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off")
module(load="mmnormalize")
module(load="impstats" interval="1" format="json" log.file="${join(dir, 'stats.json')}" log.syslog="off" resetCounters="off")
${tasks.length === 1 ? cef : 'template(name="line" type="string" string="%$.line%\\n")'}
main_queue(queue.type="FixedArray" queue.size="100000" queue.workerThreads="1")
ruleset(name="parse") {
  action(type="mmnormalize" rulebase="${join(dir, 'rules.rb')}" useRawMsg="on")
  ${byKind}
}
${input}
`
}

const PREFIX = 'CEF:0|Sluice|Collector|1|traffic|Web traffic|1|'
const cefTemplate = (fields: Readonly<Record<string, string>>): string =>
  PREFIX +
  Object.entries(fields)
    .map(([key, property]) => `${key}=%${property}%`)
    .join(' ')

/** One line for all kinds: each CEF key is set from the field of whichever rule fitted. */
function mixed(tasks: readonly RsyslogTask[], dir: string, out: string): string {
  const branches = tasks.map(
    ({ marker, fields }) =>
      `if $!${marker} != "" then { set $.line = "${PREFIX}" & ${Object.entries(fields)
        .map(([key, property]) => `" ${key}=" & ${property}`)
        .join(' & ')}; }`
  )
  return `if $parsesuccess != "OK" then { action(name="unparsed" type="omfile" file="${dir}/unparsed") stop }
  ${branches.join('\n  else ')}
  action(name="out" type="omfile" file="${out}" template="line" zipLevel="1" veryRobustZip="off" asyncWriting="on" ioBufferSize="256k" flushOnTXEnd="off")`
}

/** UDP from one sender at rising rates: how many datagrams come out at the far end, of each collector, with two receive buffers. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type Collector, PORTS, type ReceiveBuffer, startOrSay, startSluice } from './collectors.ts'
import { equalLines, makeLines } from './lines.ts'
import { sleep } from './measure.ts'
import { startRsyslog } from './rivals/rsyslog.ts'
import { startSyslogNg } from './rivals/syslog-ng.ts'
import { sendUdp } from './sender.ts'

export interface LossResult {
  name: string
  buffer: ReceiveBuffer
  /** Asked of the sender, and what it reached. */
  rate: number
  perSecond: number
  sent: number
  lost: number
  cpuMicrosecondsPerDatagram: number
}

export interface LossOptions {
  rates: readonly number[]
  seconds: number
  /** One run more of Sluice at 150,000 a second with the raised buffer, for so long; 0 for none. */
  longSeconds: number
}

/** As docs/operations.md says. */
const RAISED_BYTES = 8 * 1024 * 1024
const RMEM_MAX = '/proc/sys/net/core/rmem_max'
const LONG_RATE = 150_000
const WARM = { datagrams: 40_000, rate: 20_000 }

export async function udpLoss(options: LossOptions): Promise<LossResult[]> {
  const lines = equalLines(makeLines('fortinet-fortigate', 16_000_000))
  const results: LossResult[] = []
  for (const buffer of [RAISED_BYTES, 'default'] as const) {
    const restore = buffer === 'default' ? () => undefined : raiseLimit(buffer)
    try {
      for (const start of startsOf(buffer)) results.push(...(await lossOf(start, buffer, lines, options)))
      if (buffer !== 'default' && options.longSeconds > 0) {
        const long = { ...options, rates: [LONG_RATE], seconds: options.longSeconds }
        results.push(...(await lossOf(() => startUdpSluice('native', buffer), buffer, lines, long)))
      }
    } finally {
      restore()
    }
  }
  return results
}

const startsOf = (buffer: ReceiveBuffer): (() => Promise<Collector>)[] => [
  () => startUdpSluice('native', buffer),
  () => startUdpSluice('dgram', buffer),
  () => startRsyslog(['fortinet-fortigate'], 'wanted', buffer),
  () => startSyslogNg(buffer)
]

function startUdpSluice(udp: 'native' | 'dgram', buffer: ReceiveBuffer): Promise<Collector> {
  // What the kernel gives by itself is what it grants when asked for the half of it: it doubles what is asked for.
  const bytes = buffer === 'default' ? Number(readFileSync('/proc/sys/net/core/rmem_default', 'utf8')) / 2 : buffer
  const receivers = [{ type: 'syslog', protocols: ['udp'], listen: `127.0.0.1:${PORTS.sluice}`, receive_buffer: bytes, udp }]
  return startSluice(2, { what: udp, config: { receivers } })
}

/** Lets every collector ask for as much; returns what puts the old limit back. Without the right to it, says what is missing. */
function raiseLimit(bytes: number): () => void {
  const before = readFileSync(RMEM_MAX, 'utf8').trim()
  const set = (value: number | string): void => void execFileSync('sysctl', ['-qw', `net.core.rmem_max=${value}`], { stdio: 'ignore' })
  if (Number(before) >= bytes) return () => undefined
  try {
    set(bytes)
    const restore = (): void => set(before)
    // A run that is cut off leaves the machine as it was.
    process.once('exit', restore)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
    return restore
  } catch {
    console.log(`(net.core.rmem_max stays ${before}: only root can set it to ${bytes})`)
    return () => undefined
  }
}

async function lossOf(start: () => Promise<Collector>, buffer: ReceiveBuffer, lines: Buffer, options: LossOptions): Promise<LossResult[]> {
  const collector = await startOrSay(start)
  if (collector === undefined) return []
  const results: LossResult[] = []
  try {
    await sendUdp(collector.port, lines, WARM.datagrams, WARM.rate)
    await settled(collector)
    for (const rate of options.rates) {
      const before = await settled(collector)
      const cpuBefore = collector.cpuSeconds()
      const sent = await sendUdp(collector.port, lines, rate * options.seconds, rate)
      const done = (await settled(collector)) - before
      results.push({
        name: collector.name,
        buffer,
        rate,
        perSecond: Math.round(sent.amount / sent.seconds),
        sent: sent.amount,
        lost: sent.amount - done,
        cpuMicrosecondsPerDatagram: ((collector.cpuSeconds() - cpuBefore) / done) * 1e6
      })
    }
  } finally {
    await collector.stop()
  }
  return results
}

/** Lines done, once there come no more: what is in a queue is not lost. */
async function settled(collector: Collector): Promise<number> {
  for (let last = -1; ; ) {
    const done = await collector.linesDone()
    if (done === last) return done
    last = done
    await sleep(1100) // rsyslog tells its counts once a second
  }
}

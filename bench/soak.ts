/** A long run: many TLS senders at a steady rate, uploads going on beside it, and the memory over time, which must stay flat. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Sluice, startSluice } from './collectors.ts'
import { median, sleep, until } from './measure.ts'
import { tlsReceiver } from './tls.ts'
import { type Load, linesOf } from './whole-path.ts'

export interface SoakOptions {
  seconds: number
  connections: number
  linesPerSecond: number
  lines: Load
}

export interface SoakSample {
  second: number
  residentMegabytes: number
  connections: number
  sent: number
  written: number
  uploaded: number
}

export interface SoakResult extends SoakOptions {
  samples: SoakSample[]
  sent: number
  written: number
  /** Turns of a sender that were left out because its connection was not read. */
  behind: number
  cpuSeconds: number
  peakMegabytes: number
  /** Medians of the second and of the last quarter of the run: the first is for the warm-up. */
  earlyMegabytes: number
  lateMegabytes: number
}

const SAMPLE_SECONDS = 10
const MIB = 1024 * 1024

/** Runs to the end and calls `onSample` on the way. */
export async function soak(options: SoakOptions, onSample: (sample: SoakSample) => void): Promise<SoakResult> {
  const config = { receivers: [tlsReceiver()], upload: { flush_interval: '5s', requests_per_minute: 600 } }
  const sluice = await startSluice(2, { what: 'soak', config })
  try {
    return await run(sluice, options, onSample)
  } finally {
    await sluice.stop()
  }
}

async function run(sluice: Sluice, options: SoakOptions, onSample: (sample: SoakSample) => void): Promise<SoakResult> {
  const { seconds, connections, linesPerSecond, lines } = options
  const sender = fileURLToPath(new URL('./soak-sender.ts', import.meta.url))
  const child = spawn(process.execPath, [sender, ...[sluice.port, connections, linesPerSecond, seconds].map(String)], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  const said = { connections: 0, lines: 0, behind: 0, error: '' }
  createInterface(child.stdout).on('line', line => Object.assign(said, JSON.parse(line)))
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  let isOver = false
  void exited.then(() => {
    isOver = true
  })
  child.stdin.end(linesOf(lines))
  await until('all senders to be connected', () => said.connections === connections || isOver)
  const began = performance.now()
  const cpuBefore = sluice.cpuSeconds()
  const samples: SoakSample[] = []
  while (!isOver) {
    await Promise.race([sleep(SAMPLE_SECONDS * 1000), exited])
    const { receivers, balance } = await sluice.status()
    const sample = {
      second: Math.round((performance.now() - began) / 1000),
      residentMegabytes: sluice.residentMemoryBytes() / MIB,
      connections: receivers[0]!.connections,
      sent: said.lines,
      written: balance.delivery.written,
      uploaded: balance.delivery.uploaded
    }
    samples.push(sample)
    onSample(sample)
  }
  if (said.error !== '') throw new Error(`A sender failed: ${said.error}`)
  await until('all lines to be written', async () => (await sluice.linesDone()) >= said.lines, 60_000)
  const quarter = Math.max(1, Math.floor(samples.length / 4))
  const memory = (part: readonly SoakSample[]): number => median(part.map(({ residentMegabytes }) => residentMegabytes))
  return {
    ...options,
    samples,
    sent: said.lines,
    written: await sluice.linesDone(),
    behind: said.behind,
    cpuSeconds: sluice.cpuSeconds() - cpuBefore,
    peakMegabytes: sluice.peakMemoryBytes() / MIB,
    earlyMegabytes: memory(samples.slice(quarter, 2 * quarter)),
    lateMegabytes: memory(samples.slice(-quarter))
  }
}

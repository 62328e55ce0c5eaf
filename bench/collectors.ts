/** Collectors as child processes: what the bench asks of each, and Sluice. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cpuSecondsOf, peakMemoryOf, until } from './measure.ts'

export interface Collector {
  name: string
  pid: number
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
    pid: child.pid!,
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

/** Ends a child and takes its folder away. */
export async function ended(child: ChildProcess, dir: string): Promise<void> {
  const exit = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  await exit
  rmSync(dir, { recursive: true, force: true })
}

/** Collectors as child processes: what the bench asks of each, and Sluice. */
import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { scratchDir } from '../test/test-dir.ts'
import { cpuSecondsOf, peakMemoryOf, residentMemoryOf, until } from './measure.ts'
import { startBenchTenant, TENANT_TOKEN } from './tenant.ts'

export interface Collector {
  name: string
  pid: number
  /** The same for TCP and UDP. */
  port: number
  cpuSeconds(): number
  peakMemoryBytes(): number
  residentMemoryBytes(): number
  /** Lines that came out at the far end so far, as far as the collector tells. */
  linesDone(): Promise<number>
  stop(): Promise<void>
}

/** Receive buffer of UDP to ask for, or what the kernel gives by itself. */
export type ReceiveBuffer = number | 'default'

/** A rival is not there: the bench says so and goes on without it. */
export class MissingRival extends Error {}

/** Starts a collector, or says why a rival is not there. */
export async function startOrSay<Kind extends Collector>(start: () => Promise<Kind>): Promise<Kind | undefined> {
  try {
    return await start()
  } catch (error) {
    if (!(error instanceof MissingRival)) throw error
    console.log(`(${error.message})`)
    return undefined
  }
}

/** Fixed, so that a run that was cut off is noticed; two runs at a time need different ones. */
const FIRST_PORT = Number(process.env.SLUICE_BENCH_PORT ?? 25_514)
export const PORTS = {
  sluice: FIRST_PORT,
  rsyslog: FIRST_PORT + 1,
  syslogNg: FIRST_PORT + 2,
  naive: FIRST_PORT + 3,
  admin: FIRST_PORT + 4,
  tenant: FIRST_PORT + 5
}

export const newFolder = (): string => scratchDir('bench')

/** Starts a program and waits until it is ready; rejects when it cannot be started or ends before. */
export async function startProgram(file: string, args: readonly string[], ready: () => Promise<unknown>, env = {}): Promise<ChildProcess> {
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...env } })
  const failed = new Promise<never>((_, reject) => {
    child.once('error', error => reject(new MissingRival(`Cannot start ${file}: ${error.message}`)))
    child.once('exit', code => reject(new Error(`${file} ended with ${code}`)))
  })
  failed.catch(() => undefined)
  await Promise.race([ready(), failed])
  return child
}

/** What the kernel tells of every child alike. */
export function measuresOf(child: ChildProcess): Pick<Collector, 'pid' | 'cpuSeconds' | 'peakMemoryBytes' | 'residentMemoryBytes'> {
  const pid = child.pid!
  return {
    pid,
    cpuSeconds: () => cpuSecondsOf(pid),
    peakMemoryBytes: () => peakMemoryOf(pid),
    residentMemoryBytes: () => residentMemoryOf(pid)
  }
}

/** Ends a child and takes its folder away. */
export async function ended(child: ChildProcess, dir: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGTERM')
    await exit
  }
  rmSync(dir, { recursive: true, force: true })
}

// ── Sluice ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `dist/src/main.js` for what the image runs. */
const MAIN = process.env.SLUICE_BENCH_MAIN ?? fileURLToPath(new URL('../src/main.ts', import.meta.url))
const ADMIN = `http://127.0.0.1:${PORTS.admin}`

export interface SluiceOptions {
  /** How it is called in the tables; without it by its lanes. */
  what?: string
  /** Keys of the configuration instead of the bench's own; those of `spool` are added. */
  config?: Record<string, unknown>
  /** CPU profiles of all threads go there. */
  profileDir?: string
}

/** The part of the status that the bench reads. */
export interface SluiceStatus {
  receivers: { connections: number }[]
  balance: { delivery: { written: number; uploaded: number } }
  spool: { syncs: { counts: number[]; sum: number } }
  upload: { uploadedFiles: number; uploadedBytes: number }
}

export interface Sluice extends Collector {
  status(): Promise<SluiceStatus>
}

export async function startSluice(lanes: number, { what, config, profileDir }: SluiceOptions = {}): Promise<Sluice> {
  const dir = newFolder()
  const file = join(dir, 'sluice.yaml')
  const whole = {
    receivers: [{ type: 'syslog', listen: `127.0.0.1:${PORTS.sluice}` }],
    tenant: { url: `http://127.0.0.1:${PORTS.tenant}`, auth: { token: TENANT_TOKEN } },
    admin: { listen: `127.0.0.1:${PORTS.admin}` },
    upload: { flush_interval: '1h' },
    log: { level: 'error', format: 'json' },
    lanes,
    ...config,
    spool: { dir: join(dir, 'spool'), ...(config?.spool as object | undefined) }
  }
  writeFileSync(file, JSON.stringify(whole))
  const profile = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`]
  const tenant = await startBenchTenant(PORTS.tenant)
  const child = await startProgram(process.execPath, [...profile, MAIN, 'run', '--config', file], isReady).catch((error: unknown) => {
    tenant.close()
    throw error
  })
  const status = async (): Promise<SluiceStatus> => (await fetch(`${ADMIN}/api/v1/status`)).json() as Promise<SluiceStatus>
  return {
    name: `Sluice, ${what ?? `${lanes} lane${lanes === 1 ? '' : 's'}`}`,
    port: PORTS.sluice,
    ...measuresOf(child),
    linesDone: async () => (await status()).balance.delivery.written,
    status,
    stop: async () => {
      await ended(child, dir)
      tenant.close()
    }
  }
}

const isReady = (): Promise<void> =>
  until('Sluice to be ready', () =>
    fetch(`${ADMIN}/ready`).then(
      answer => answer.ok,
      () => false
    )
  )

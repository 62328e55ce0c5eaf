/** A collector that is killed at any moment: a child process with small segments, short intervals and a fast upload clock. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PipelineStatus } from '../../src/telemetry/status.ts'
import { spawn } from '../child-kit.ts'
import type { Plan } from './plan.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')
const FAST_CLOCK = join(import.meta.dirname, 'fast-upload-clock.ts')
const INJECT = join(import.meta.dirname, 'inject.ts')

/** Ways in; each is a receiver, a source and a data source of that name. */
export const PROTOCOLS = ['tcp', 'relp', 'http', 'ftp'] as const
export type Protocol = (typeof PROTOCOLS)[number]

export const FTP_ACCOUNT = { name: 'discovery', password: 'a password of the test' }

export interface LogLine {
  level: string | number
  msg: string
  [key: string]: unknown
}

/** `lanes` and the sizes are the seed's. */
export interface CollectorSetup {
  dir: string
  tenantUrl: string
  lanes: number
  segmentMaxBytes: number
  flushIntervalMs: number
}

export function configText(setup: CollectorSetup): string {
  const listen = '127.0.0.1:0'
  return JSON.stringify({
    receivers: [
      { type: 'syslog', name: 'tcp', protocols: ['tcp'], listen },
      { type: 'relp', name: 'relp', listen },
      { type: 'http-push', name: 'http', listen, anonymous: true },
      { type: 'ftp', name: 'ftp', listen, accounts: [FTP_ACCOUNT], passive_port_min: 0, passive_port_max: 0, abort_wait: '10ms' }
    ],
    sources: PROTOCOLS.map(name => ({ name, appliance: 'generic-cef', format: 'cef', from: { receivers: [name] } })),
    tenant: { url: setup.tenantUrl, auth: { token: 'a1'.repeat(32) } },
    spool: {
      dir: join(setup.dir, 'spool'),
      min_free_bytes: '1MiB',
      segment_max_bytes: setup.segmentMaxBytes,
      commit_interval: '20ms',
      archive_segments: 10_000,
      archive_max_age: 'off' // whatever the clock does
    },
    upload: { flush_interval: `${setup.flushIntervalMs}ms`, concurrency: 2 },
    process: { drop_internal: false, max_age: 'off', max_future: 'off' },
    lanes: setup.lanes,
    log: { format: 'json' },
    admin: { listen }
  })
}

export class ChildCollector {
  readonly exited: Promise<unknown[]>
  /** Resolves when it runs, or has ended. */
  readonly ready: Promise<void>
  readonly log: LogLine[] = []
  isRunning = false
  #adminUrl = ''
  readonly #child: ChildProcess
  readonly #ports = new Map<string, number>()

  /** `plan`: what befalls it from within. */
  constructor(setup: CollectorSetup, plan?: Plan) {
    const config = join(setup.dir, 'sluice.yaml')
    writeFileSync(config, configText(setup)) // JSON is YAML
    const args = ['--import', FAST_CLOCK, ...(plan === undefined ? [] : ['--import', INJECT]), MAIN, 'run', '--config', config]
    const env = plan === undefined ? process.env : { ...process.env, FAULT_PLAN: JSON.stringify(plan) }
    this.#child = spawn(process.execPath, args, { cwd: setup.dir, env, stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child.stdout!.pipe(createWriteStream(join(setup.dir, 'collectors.log'), { flags: 'a' }))
    this.exited = once(this.#child, 'close')
    this.ready = new Promise(resolve => {
      createInterface(this.#child.stdout!).on('line', line => {
        this.#heard(line)
        if (this.isRunning) resolve()
      })
      void this.exited.then(() => {
        this.isRunning = false
        resolve()
      })
    })
  }

  #heard(line: string): void {
    let entry: LogLine
    try {
      entry = JSON.parse(line) as LogLine
    } catch {
      return // a line that the kill cut off
    }
    this.log.push(entry)
    const { msg, receiver, address } = entry
    if (msg.startsWith('listening: ')) this.#ports.set(String(receiver), Number(String(address).split(':').at(-1)))
    else if (msg.startsWith('page: ')) this.#adminUrl = String(entry.url)
    else if (msg.startsWith('uploads: ')) this.isRunning = true
  }

  /** Undefined while nobody listens there. */
  port(protocol: Protocol): number | undefined {
    return this.#ports.get(protocol)
  }

  async status(): Promise<PipelineStatus> {
    return (await (await fetch(`${this.#adminUrl}api/v1/status`)).json()) as PipelineStatus
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.exited
  }

  /** Exit code and signal. */
  async stop(): Promise<unknown[]> {
    this.#child.kill('SIGTERM')
    await Promise.race([this.exited, sleep(20_000, undefined, { ref: false })])
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL')
    return this.exited
  }
}

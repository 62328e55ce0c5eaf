/** A real collector as a child process, the files its local tenant got, and its status, for tests that see the house from outside. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import type { Test } from 'tap'
import type { PipelineStatus } from '../../src/telemetry/status.ts'
import { killGroup, spawn } from '../child-kit.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')
const UNTIL_MS = 120_000
const WITHOUT_LISTENER = new Set(['file-drop', 'blob-pull', 'menlo-pull'])

/** Plain syslog. */
interface SyslogSetup {
  name: string
  protocols: ('udp' | 'tcp')[]
}

/** An entry as the file writes it; it gets a free port if it listens. */
interface OtherSetup {
  type: string
  name: string
  [key: string]: unknown
}

/** One entry of `receivers` and one of `sources`, by the receiver's name. */
export interface Setup {
  receivers: (SyslogSetup | OtherSetup)[]
  sources: { name: string; receiver?: string; format?: 'cef' | 'leef' | 'w3c' | 'csv'; appliance?: string }[]
  lanes?: number
  /** How long a file stays open. */
  flushInterval?: string
  /** Keys of the file that take the place of those below. */
  overrides?: Readonly<Record<string, unknown>>
}

/** Configuration with every process filter off, own ports, and everything in the directory. */
export function configText({ receivers, sources, lanes = 2, flushInterval = '500ms', overrides = {} }: Setup, dir = '.'): string {
  const config = {
    receivers: receivers.map(receiver => ({
      type: 'syslog',
      ...('type' in receiver && WITHOUT_LISTENER.has(receiver.type) ? {} : { listen: '127.0.0.1:0' }),
      ...receiver
    })),
    sources: sources.map(({ name, receiver, format = 'cef', appliance = 'auto' }) => ({
      name,
      appliance,
      format,
      ...(receiver === undefined ? {} : { from: { receivers: [receiver] } })
    })),
    tenant: { local: { listen: '127.0.0.1:0', dir: join(dir, 'tenant') } },
    spool: { dir: join(dir, 'spool'), min_free_bytes: '1MiB' },
    upload: { flush_interval: flushInterval, requests_per_minute: 100_000 },
    process: { drop_internal: false, one_per_connection: false, max_age: 'off', max_future: 'off' },
    privacy: { strip_query: false },
    lanes,
    log: { format: 'json' },
    admin: { listen: '127.0.0.1:0' },
    ...overrides
  }
  return JSON.stringify(config, null, 2) // JSON is YAML
}

export interface LogEntry {
  level: string | number
  msg: string
  [key: string]: unknown
}

export class RunningCollector {
  readonly child: ChildProcess
  readonly cwd: string
  readonly log: LogEntry[] = []
  /** Code and signal. */
  readonly exited: Promise<unknown[]>
  /** The same, once all that was said has been read as well. */
  readonly #closed: Promise<unknown[]>
  adminUrl = ''
  readonly #ports = new Map<string, number>()

  constructor(child: ChildProcess, cwd: string) {
    this.child = child
    this.cwd = cwd
    this.exited = once(child, 'exit')
    this.#closed = once(child, 'close')
  }

  /** Reads the log until the collector says that it runs, and goes on reading. */
  async started(): Promise<void> {
    let running = false
    const lines = createInterface(this.child.stdout!)
    lines.on('line', line => {
      const entry = JSON.parse(line) as LogEntry
      this.log.push(entry)
      const { msg, receiver, protocol, address } = entry
      if (msg.startsWith('listening: ')) this.#ports.set(`${receiver} ${protocol}`, Number(String(address).split(':').at(-1)))
      else if (msg.startsWith('page: ')) this.adminUrl = String(entry.url)
      else if (msg.startsWith('uploads: ')) running = true
    })
    await until('the collector runs', () => running || this.child.exitCode !== null)
    if (!running) throw new Error(`The collector ended at once: ${JSON.stringify(this.log)}`)
  }

  port(receiver: string, protocol: 'syslog-udp' | 'syslog-tcp' | 'syslog-tls' | 'relp' | 'http' | 'ftp' | 'sftp'): number {
    const port = this.#ports.get(`${receiver} ${protocol}`)
    if (port === undefined) throw new Error(`No listener ${receiver} ${protocol}`)
    return port
  }

  async status(): Promise<PipelineStatus> {
    return (await (await fetch(`${this.adminUrl}api/v1/status`)).json()) as PipelineStatus
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.adminUrl}metrics`)).text()
  }

  async statusUntil(what: string, isSo: (status: PipelineStatus) => boolean): Promise<PipelineStatus> {
    let status = await this.status()
    await until(
      what,
      async () => isSo((status = await this.status())),
      () => JSON.stringify(status.balance)
    )
    return status
  }

  /** Resident memory in bytes. */
  residentBytes(): number {
    const text = readFileSync(`/proc/${this.child.pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)![1]) * 1024
  }

  /** Text of every file the tenant got from a data source, oldest first. */
  files(source: string): string[] {
    return tenantFiles(this.cwd, source)
  }

  async stop(): Promise<unknown[]> {
    this.child.kill('SIGTERM')
    return this.#closed
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.exited
  }
}

/**
 * Starts `sluice run` in the directory, which keeps spool and tenant for the next start. `command`: program and arguments that
 * stand for `sluice run`.
 */
export async function startCollector(
  t: Test,
  cwd: string,
  setup: Setup,
  command: readonly [string, ...string[]] = [process.execPath, MAIN, 'run']
): Promise<RunningCollector> {
  const config = join(cwd, 'sluice.yaml')
  writeFileSync(config, configText(setup, cwd))
  const [program, ...args] = command
  const child = spawn(program, [...args, '--config', config], {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true // a group of its own, so that what a command starts ends with it
  })
  const closed = once(child, 'close')
  const collector = new RunningCollector(child, cwd)
  t.teardown(async () => {
    killGroup(child)
    await closed // by all of the group: the leader's end alone would leave one who still writes into the directory
  })
  await collector.started()
  return collector
}

export function tenantFiles(cwd: string, source: string): string[] {
  const folder = join(cwd, 'tenant', source)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .map(name => readFileSync(join(folder, name)))
    .filter(bytes => bytes.length > 0) // a name that the tenant has reserved for a file on its way
    .map(bytes => gunzipSync(bytes).toString('utf8'))
}

/** Lines of all files, in order. */
export const linesOf = (files: readonly string[]): string[] => files.flatMap(text => text.split('\n').slice(0, -1))

/** Waits until something is so; rejects after two minutes, with what was seen. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, seen: () => string = () => ''): Promise<void> {
  const endMs = Date.now() + UNTIL_MS
  while (!(await isSo())) {
    if (Date.now() > endMs) throw new Error(`Waited in vain until ${what} ${seen()}`)
    await sleep(50)
  }
}

export async function connectTo(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

/** Writes and waits while the other side does not read. */
export async function write(socket: Socket, bytes: Buffer | string): Promise<void> {
  if (!socket.write(bytes)) await once(socket, 'drain')
}

/** Ends the socket and waits for the other side to do so. */
export async function finish(socket: Socket): Promise<void> {
  socket.resume()
  const closed = once(socket, 'close')
  socket.end()
  await closed
}

/** A FortiGate line whose user names its number. */
export const numberedLine = (number: number): string =>
  `<189>date=2026-01-15 time=10:11:12 devname="fw" devid="FG100" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" eventtime=${1768471872000000000n + BigInt(number) * 1_000_000n} tz="+0000" srcip=10.0.0.7 srcport=50000 dstip=203.0.113.9 dstport=443 policyid=7 sessionid=${number} proto=6 action="close" service="HTTPS" user="u${number}" sentbyte=${number} rcvdbyte=920113 duration=3\n`

/** Numbers of the lines above that the tenant got, in a CEF file: as often and in the order as they came. */
export const numbersOf = (files: readonly string[]): number[] => linesOf(files).map(line => Number(/ suser=u(\d+) /.exec(line)?.[1] ?? -1))

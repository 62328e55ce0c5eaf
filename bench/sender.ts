/** The load generator: the C program when a compiler is there, since a sender in Node would be the bottleneck at these rates. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { scratchDir } from '../test/test-dir.ts'
import { type Collector, measuresOf, PORTS } from './collectors.ts'

let program: string | undefined

/** Compiles the sender once. @throws Error naming the package when there is no compiler. */
function sender(): string {
  if (program !== undefined && existsSync(program)) return program
  const out = join(scratchDir('bench'), 'load')
  const compiled = spawnSync('cc', ['-O2', '-o', out, fileURLToPath(new URL('./load/load.c', import.meta.url))], { encoding: 'utf8' })
  if (compiled.status !== 0) throw new Error(`Cannot compile bench/load/load.c (Debian package gcc): ${compiled.stderr ?? compiled.error}`)
  program = out
  return out
}

export interface Sent {
  /** Bytes over TCP, datagrams over UDP. */
  amount: number
  seconds: number
}

function send(args: string[], lines: Buffer, signal?: AbortSignal): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const child = spawn(sender(), args, { stdio: ['pipe', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.on('data', chunk => {
      text += String(chunk)
    })
    child.on('error', reject)
    signal?.addEventListener('abort', () => child.kill())
    child.on('close', code => {
      const [amount, seconds] = text.trim().split(' ').map(Number)
      if (signal?.aborted) resolve({ amount: Number.NaN, seconds: Number.NaN })
      else if (code === 0) resolve({ amount: amount!, seconds: seconds! })
      else reject(new Error(`The sender ended with ${code}`))
    })
    child.stdin.on('error', () => undefined)
    child.stdin.end(lines)
  })
}

export interface SendOptions {
  /** 0: as fast as it goes. */
  bytesPerSecond?: number
  /** Addresses from 127.0.1.1 on that connect in turn; 0 for the usual one. */
  senders?: number
  /** Ends the sender; what it had sent is not told. */
  signal?: AbortSignal
}

export const sendTcp = (
  port: number,
  lines: Buffer,
  bytes: number,
  connections: number,
  { bytesPerSecond = 0, senders = 0, signal }: SendOptions = {}
): Promise<Sent> => send(['tcp', '127.0.0.1', ...[port, bytes, connections, bytesPerSecond, senders].map(String)], lines, signal)

/** Connections that are open and warm; each writes its pieces in turn. */
export interface SteadySender {
  /** Bytes that were sent while the connections were opened, a piece each. */
  firstBytes: number
  /** Sends what was asked for; resolves when it is written. */
  go(): Promise<Sent>
  /** Of the sender so far: on the same cores, what it takes the collector does not get. */
  cpuSeconds(): number
  /** Ends the connections. */
  close(): Promise<void>
}

export interface SteadyOptions {
  connections: number
  /** A write, in bytes: whole lines, one at least. */
  pieceBytes: number
  /** Addresses from 127.0.1.1 on that connect in turn; 0 for the usual one. */
  senders?: number
}

/** Opens the connections; resolves when each has sent a piece. */
export async function openSteady(port: number, lines: Buffer, bytes: number, options: SteadyOptions): Promise<SteadySender> {
  const { connections, pieceBytes, senders = 0 } = options
  const args = ['steady', '127.0.0.1', ...[port, bytes, connections, pieceBytes, senders].map(String)]
  const child = spawn(sender(), args, { stdio: ['pipe', 'pipe', 'inherit', 'pipe'] })
  const control = child.stdio[3] as Writable
  const answers = createInterface(child.stdout!)[Symbol.asyncIterator]()
  const exited = once(child, 'exit')
  child.stdin!.end(lines)
  const answer = async (): Promise<number[]> => {
    const { value, done } = await answers.next()
    if (done) throw new Error('The sender ended early')
    return String(value).split(' ').slice(1).map(Number)
  }
  const [firstBytes] = await answer()
  return {
    firstBytes: firstBytes!,
    async go() {
      control.write('g')
      const [amount, seconds] = await answer()
      return { amount: amount!, seconds: seconds! }
    },
    cpuSeconds: measuresOf(child).cpuSeconds,
    async close() {
      control.end('c')
      await exited
    }
  }
}

/** A reader in C that takes the bytes and counts line feeds: what the kernel's part costs. */
export async function startDrain(): Promise<Collector> {
  const child = spawn(sender(), ['drain', '127.0.0.1', String(PORTS.naive)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]()
  await answers.next()
  return {
    name: 'epoll and read, nothing else',
    port: PORTS.naive,
    ...measuresOf(child),
    async linesDone() {
      child.stdin.write('?')
      return Number(String((await answers.next()).value).split(' ')[1])
    },
    async stop() {
      const exited = once(child, 'exit')
      child.stdin.end()
      await exited
    }
  }
}

export const sendUdp = (port: number, lines: Buffer, datagrams: number, perSecond: number): Promise<Sent> =>
  send(['udp', '127.0.0.1', String(port), String(datagrams), String(perSecond)], lines)

export const countLines = (lines: Buffer): number => {
  let count = 0
  for (let at = lines.indexOf(10); at >= 0; at = lines.indexOf(10, at + 1)) count++
  return count
}

/** Lines in so many bytes of the buffer sent again and again. */
export const linesIn = (lines: Buffer, bytes: number): number =>
  Math.floor(bytes / lines.length) * countLines(lines) + countLines(lines.subarray(0, bytes % lines.length))

/** Version of a tool by its first line of output. */
export function versionOf(command: string, args: string[]): string | undefined {
  const asked = spawnSync(command, args, { encoding: 'utf8' })
  return asked.status === 0 ? asked.stdout.split('\n')[0]!.slice(0, 120) : undefined
}

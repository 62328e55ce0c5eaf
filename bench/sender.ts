/** The load generator: the C program when a compiler is there, since a sender in Node would be the bottleneck at these rates. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

let program: string | undefined

/** Compiles the sender once. @throws Error naming the package when there is no compiler. */
function sender(): string {
  if (program !== undefined && existsSync(program)) return program
  const out = join(mkdtempSync(join(tmpdir(), 'sluice-bench-')), 'load')
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

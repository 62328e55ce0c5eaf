/** `sluice top`: what the running collector does, live, until q. The terminal is as before afterwards, however it ends. */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { ReadStream, WriteStream } from 'node:tty'
import { parseArgs } from 'node:util'
import { parseDuration } from '../config/durations.ts'
import type { PipelineStatus } from '../telemetry/status.ts'
import { type AdminTarget, adminTarget, askAdmin, NoAnswer } from './admin-client.ts'
import { paintFor } from './paint.ts'
import { type Look, topScreen } from './top-screen.ts'
import { EXIT, type Io, UsageError, type Verb } from './verb.ts'

/** The other screen of the terminal, without cursor; and back. */
const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_LINE = '\u001b[K'
const CTRL_C = '\u0003'
const INTERVAL_MIN_MS = 200

export const top: Verb = async (args, io) => {
  const { values } = parseArgs({
    args,
    options: { interval: { type: 'string', default: '1s' }, config: { type: 'string', short: 'c' }, url: { type: 'string' } }
  })
  const intervalMs = readInterval(values.interval)
  const target = await adminTarget(values, io)
  const { stdout, stdin } = io
  if (!(stdout instanceof WriteStream) || !(stdin instanceof ReadStream))
    throw new UsageError('top needs a terminal; sluice status prints the same once')
  const first = await look(target)
  if (first instanceof NoAnswer) {
    io.stderr.write(`sluice: ${first.message}\n`)
    return EXIT.FAILED
  }
  return board(target, first, intervalMs, stdout, stdin, io)
}

function readInterval(text: string): number {
  try {
    return Math.max(INTERVAL_MIN_MS, parseDuration(text))
  } catch (error) {
    throw new UsageError(`--interval: ${(error as Error).message}`)
  }
}

async function board(
  target: AdminTarget,
  first: Look,
  intervalMs: number,
  stdout: WriteStream,
  stdin: ReadStream,
  io: Io
): Promise<number> {
  const quit = new AbortController()
  const onKey = (key: Buffer): void => {
    if (/[qQ]/.test(key.toString()) || key.includes(CTRL_C)) quit.abort()
  }
  const leave = (): void => void stdout.write(LEAVE)
  const onSignal = (): void => quit.abort()
  let shown: [before: Look | undefined, now: Look] = [undefined, first]
  let trouble = ''
  const draw = (): void => {
    const { columns = 80, rows = 24 } = stdout
    const lines = topScreen(...shown, { columns, rows }, paintFor(io))
    if (trouble !== '') lines[1] = paintFor(io).red(trouble.slice(0, columns))
    // No line feed after the last line: it would scroll.
    stdout.write(HOME + lines.map(line => line + CLEAR_LINE).join('\r\n'))
  }
  stdout.write(ENTER)
  process.once('exit', leave) // an exception must not leave the terminal without a cursor
  stdin.setRawMode(true).on('data', onKey).resume()
  stdout.on('resize', draw)
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, onSignal)
  try {
    while (!quit.signal.aborted) {
      draw()
      await Promise.race([sleep(intervalMs, undefined, { signal: quit.signal }).catch(() => undefined), once(quit.signal, 'abort')])
      if (quit.signal.aborted) break
      const next = await look(target)
      trouble = next instanceof NoAnswer ? next.message : ''
      if (!(next instanceof NoAnswer)) shown = [shown[1], next]
    }
    return EXIT.OK
  } finally {
    stdout.off('resize', draw)
    stdin.off('data', onKey).setRawMode(false).pause()
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.off(signal, onSignal)
    process.off('exit', leave)
    leave()
  }
}

async function look(target: AdminTarget): Promise<Look | NoAnswer> {
  try {
    const { status, body } = await askAdmin(target, '/api/v1/status')
    return status === 200 ? { status: body as PipelineStatus, atMs: Date.now() } : new NoAnswer(`${target.url} answered ${status}`)
  } catch (error) {
    if (error instanceof NoAnswer) return error
    throw error
  }
}

/** The collector's own log: pino, JSON lines, or pretty on a terminal; secrets never reach it. */
import pino, { type Logger } from 'pino'
import pretty from 'pino-pretty'
import type { LogRing } from './log-ring.ts'
import { RepeatLimiter, type RepeatLimits, withoutRepeats } from './repeat-limiter.ts'

export type { Logger } from 'pino'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export const isLogLevel = (text: unknown): text is LogLevel => LOG_LEVELS.some(level => level === text)

export interface LoggerOptions {
  level?: LogLevel
  /** `auto`: pretty when the destination is a terminal. @default auto */
  format?: 'json' | 'pretty' | 'auto'
  /** @default standard output */
  destination?: NodeJS.WritableStream & { isTTY?: boolean }
  /** How repeats are held back. */
  repeats?: RepeatLimits
  /** Gets each line that is written, as JSON. */
  ring?: LogRing
}

const SECRET_KEYS = [
  'token',
  'client_secret',
  'certificate_password',
  'password',
  'authorization',
  'Authorization',
  'clientSecret',
  'accessToken'
]

/**
 * A logger. Its level can be changed at any time through `level`. Writes are synchronous: the log is short, and what was said
 * right before an exit is what is needed then.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const destination = options.destination ?? process.stdout
  const format = options.format ?? 'auto'
  const isPretty = format === 'pretty' || (format === 'auto' && destination.isTTY === true)
  const settings: pino.LoggerOptions = {
    level: options.level ?? 'info',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: label => ({ level: label }) },
    redact: { paths: SECRET_KEYS.flatMap(key => [key, `*.${key}`, `*.*.${key}`]), censor: '(redacted)' },
    serializers: { err: serializeError },
    hooks: {
      logMethod: withoutRepeats(new RepeatLimiter(options.repeats)),
      ...(options.ring === undefined ? {} : { streamWrite: kept(options.ring) })
    }
  }
  if (!isPretty) return pino(settings, destination === process.stdout ? pino.destination({ fd: 1, sync: true }) : destination)
  const colorize = destination.isTTY === true && process.env.NO_COLOR === undefined
  return pino(
    settings,
    pretty({
      destination,
      colorize,
      sync: true,
      translateTime: 'SYS:HH:MM:ss.l',
      ignore: 'pid,hostname',
      singleLine: true,
      customPrettifiers: { err: prettyError }
    })
  )
}

/** Errors that tell of a mistake in the code, whatever code they carry. */
const MISTAKES: ReadonlySet<string> = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'AssertionError'])

interface LoggedError {
  type: string
  message: string
  code?: string
  stack?: string
}

/** A failure of the world is said in a sentence; only where something went wrong that nobody foresaw, the stack helps. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { type, message, stack } = pino.stdSerializers.err(error)
  const { code } = error as { code?: unknown }
  const isForeseen = !MISTAKES.has(type) && (typeof code === 'string' || error.constructor !== Error)
  return { type, message, ...(typeof code === 'string' ? { code } : {}), ...(isForeseen ? {} : { stack }) } satisfies LoggedError
}

/** What others sent may be quoted in it, so it must not move the terminal's cursor. */
function prettyError(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('message' in error)) return String(error)
  const { message, code, stack } = error as LoggedError
  const text = stack ?? (code === undefined || message.includes(code) ? message : `${message} (${code})`)
  return text.replaceAll(/(?!\n)\p{Cc}/gu, char => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

const kept =
  (ring: LogRing) =>
  (line: string): string => {
    ring.add(line)
    return line
  }

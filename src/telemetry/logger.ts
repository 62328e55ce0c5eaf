/** The collector's own log: pino, JSON lines, or pretty on a terminal; secrets never reach it. */
import pino, { type Logger } from 'pino'
import pretty from 'pino-pretty'
import type { LogRing } from './log-ring.ts'

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
    serializers: { err: pino.stdSerializers.err },
    ...(options.ring === undefined ? {} : { hooks: { streamWrite: kept(options.ring) } })
  }
  if (!isPretty) return pino(settings, destination === process.stdout ? pino.destination({ fd: 1, sync: true }) : destination)
  const colorize = destination.isTTY === true && process.env.NO_COLOR === undefined
  return pino(
    settings,
    pretty({ destination, colorize, sync: true, translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname', singleLine: true })
  )
}

const kept =
  (ring: LogRing) =>
  (line: string): string => {
    ring.add(line)
    return line
  }

export interface RepeatLimits {
  /** The same message is written once in so long. @default 30 s */
  intervalMs?: number
  /** Messages kept track of at a time; the oldest is forgotten first. @default 1000 */
  maxKeys?: number
  /** Clock in ms. @default Date.now */
  now?: () => number
}

/**
 * Writes a message that may come a thousand times a second only once per interval, with the number of repeats left out since
 * the last time as `repeated`.
 */
export class RepeatLimiter {
  readonly #log: Logger
  readonly #intervalMs: number
  readonly #maxKeys: number
  readonly #now: () => number
  readonly #seen = new Map<string, { atMs: number; repeated: number }>()

  constructor(log: Logger, limits: RepeatLimits = {}) {
    this.#log = log
    this.#intervalMs = limits.intervalMs ?? 30_000
    this.#maxKeys = limits.maxKeys ?? 1000
    this.#now = limits.now ?? Date.now
  }

  /** Logs at the level, or counts; `key` says what counts as the same. */
  write(level: 'info' | 'warn' | 'error', key: string, fields: object, message: string): void {
    const now = this.#now()
    const last = this.#seen.get(key)
    if (last && now - last.atMs < this.#intervalMs) {
      last.repeated++
      return
    }
    this.#seen.delete(key)
    if (this.#seen.size >= this.#maxKeys) this.#seen.delete(this.#seen.keys().next().value!)
    this.#seen.set(key, { atMs: now, repeated: 0 })
    this.#log[level](last && last.repeated > 0 ? { ...fields, repeated: last.repeated } : fields, message)
  }
}

/**
 * Keeps a message that may come a thousand times a second from filling the log: it is written once per interval, and what was left
 * out is told as `repeated`, with the next one or when the interval ends.
 */
import type { Logger } from 'pino'

export interface RepeatLimits {
  /** The same message is written once in so long. @default 30 s */
  intervalMs?: number
  /** Messages kept track of at a time; the oldest is forgotten first. @default 1000 */
  maxKeys?: number
}

interface Seen {
  repeated: number
  timer: NodeJS.Timeout
}

export class RepeatLimiter {
  readonly #intervalMs: number
  readonly #maxKeys: number
  readonly #seen = new Map<string, Seen>()

  constructor({ intervalMs = 30_000, maxKeys = 1000 }: RepeatLimits = {}) {
    this.#intervalMs = intervalMs
    this.#maxKeys = maxKeys
  }

  /** True when it is to be written now. `tell` is called when the interval ends and others were left out meanwhile. */
  admit(key: string, tell: (repeated: number) => void): boolean {
    const seen = this.#seen.get(key)
    if (seen !== undefined) {
      seen.repeated++
      return false
    }
    if (this.#seen.size >= this.#maxKeys) this.#forget(this.#seen.keys().next().value!)
    this.#begin(key, tell)
    return true
  }

  #begin(key: string, tell: (repeated: number) => void): void {
    const timer = setTimeout(() => {
      const { repeated } = this.#seen.get(key)!
      this.#seen.delete(key)
      if (repeated === 0) return
      tell(repeated)
      this.#begin(key, tell)
    }, this.#intervalMs)
    timer.unref()
    this.#seen.set(key, { repeated: 0, timer })
  }

  #forget(key: string): void {
    clearTimeout(this.#seen.get(key)?.timer)
    this.#seen.delete(key)
  }
}

/** pino's number of `warn`: below it, nothing comes by the thousand. */
const WARN = 40
/** What makes two messages of one text different: what they are about, not who caused them or how often. */
const ABOUT = ['part', 'receiver', 'protocol', 'source', 'segment', 'lane', 'state', 'code', 'path', 'line', 'file'] as const

type LogMethod = (this: Logger, args: [unknown, ...unknown[]], method: (...args: unknown[]) => void, level: number) => void

/** The hook of pino through which every message goes. */
export function withoutRepeats(limiter: RepeatLimiter): LogMethod {
  return function (args, method, level) {
    const [first, second] = args
    const fields = (typeof first === 'object' && first !== null ? first : {}) as Record<string, unknown>
    const message = typeof first === 'string' ? first : String(second ?? '')
    if (level < WARN || message === '') return method.apply(this, args)
    const bindings = this.bindings()
    const key = JSON.stringify([level, message, ...ABOUT.map(name => fields[name] ?? bindings[name])])
    if (limiter.admit(key, repeated => method.apply(this, [{ ...fields, repeated }, message]))) method.apply(this, args)
  }
}

/**
 * Menlo Security's log export, fetched window by window: at most an hour each, one after the other without a gap, behind real
 * time by some minutes since events come late. After each page its events are made durable and the position is kept, so that a
 * restart goes on with the next page.
 */
import { createHash } from 'node:crypto'
import Type, { type Static } from 'typebox'
import type { Intake, OpenIntake, Receiver, ReceiverStatus } from '../contracts.ts'
import type { PullDeps } from './blob-pull.ts'
import type { ReceiverLog } from './listen.ts'
import { MenloApi, type Page, PagingRefused } from './menlo-api.ts'
import { loadPosition, type MenloPosition, savePosition } from './menlo-position.ts'
import { NameOption, withDefaults } from './options.ts'
import { PullError, PullLoop, PullOptions } from './pull-loop.ts'

export const MenloPullOptions = Type.Object({
  name: NameOption('menlo-pull'),
  url: Type.String({ description: 'Log export API.', default: 'https://logs.menlosecurity.com/api/rep/v1', minLength: 1 }),
  token: Type.String({ description: 'API token with the log export permission.', minLength: 1 }),
  logType: Type.String({ description: 'Log that is fetched.', default: 'web', minLength: 1 }),
  source: Type.Optional(Type.String({ description: 'Source that everything fetched belongs to.', minLength: 1 })),
  windowMs: Type.Integer({
    description: 'Longest stretch of time asked for at once.',
    default: 3_600_000,
    minimum: 1000,
    maximum: 3_600_000
  }),
  trailMs: Type.Integer({ description: 'How far to stay behind real time, since events come late.', default: 300_000, minimum: 0 }),
  lookbackMs: Type.Integer({ description: 'How far back to begin at the very first start.', default: 3_600_000, minimum: 0 }),
  pageEvents: Type.Integer({ description: 'Events asked for at once.', default: 1000, minimum: 1, maximum: 1000 }),
  positionFile: Type.String({ description: 'Where the position is kept.', minLength: 1 }),
  ...PullOptions
})
export type MenloPullOptions = Static<typeof MenloPullOptions>

/** Pages of one window; a server that gives more goes round in circles. */
const PAGES_MAX = 100_000

export class MenloPullReceiver implements Receiver {
  readonly name: string
  readonly #options: MenloPullOptions
  readonly #log: ReceiverLog
  readonly #loop: PullLoop
  readonly #nowMs: () => number
  #api: MenloApi | undefined
  #position: MenloPosition | undefined
  #open: OpenIntake | undefined
  #failedStart: string | undefined
  #isStarted = false
  readonly #counters = {
    pages_total: 0,
    windows_total: 0,
    received_events_total: 0,
    repeated_pages_total: 0,
    commit_failed_total: 0
  }

  constructor(options: Partial<MenloPullOptions> & { token: string; positionFile: string }, deps: PullDeps & { nowMs?: () => number }) {
    this.#options = withDefaults(MenloPullOptions, options)
    this.name = this.#options.name
    this.#log = deps.log
    this.#nowMs = deps.nowMs ?? Date.now
    const isFull = deps.isFull ?? (() => false)
    this.#loop = new PullLoop(this.#options, { receiver: this.name, log: deps.log, isFull, round: () => this.#round() })
  }

  async start(open: OpenIntake): Promise<void> {
    this.#open = open
    const { positionFile, lookbackMs, trailMs, url, logType, intervalMs } = this.#options
    try {
      const begin = { start: Math.floor((this.#nowMs() - trailMs - lookbackMs) / 1000) }
      this.#position = (await loadPosition(positionFile)) ?? begin
      await savePosition(positionFile, this.#position) // it must be possible, before anything is fetched
    } catch (error) {
      this.#failedStart = (error as Error).message
      throw error
    }
    this.#api = new MenloApi(this.#options)
    this.#isStarted = true
    const from = new Date(this.#position.start * 1000).toISOString()
    this.#log.info({ receiver: this.name, address: url, logType, intervalMs, from }, 'pulling the log of Menlo Security')
    this.#loop.start()
  }

  /** A page that has not been handed over is asked for again after the next start. */
  async stop(deadline: AbortSignal): Promise<void> {
    if (!this.#isStarted) return
    this.#isStarted = false
    await this.#loop.stop(deadline)
    await this.#api?.close()
  }

  status(): ReceiverStatus[] {
    const lagMs = this.#position === undefined ? 0 : this.#nowMs() - this.#position.start * 1000
    return [
      {
        name: this.name,
        protocol: 'menlo',
        address: this.#options.url,
        ...this.#loop.status(this.#isStarted, this.#failedStart),
        connections: 0,
        counters: { ...this.#counters, ...this.#loop.counters },
        gauges: { pull_failing: this.#loop.isFailing ? 1 : 0, pull_lag_seconds: Math.max(0, lagMs) / 1000 }
      }
    ]
  }

  /** One window, or what is left of it. */
  async #round(): Promise<'more' | 'done'> {
    const position = this.#position!
    const { windowMs, trailMs } = this.#options
    const newest = Math.floor((this.#nowMs() - trailMs) / 1000)
    const end = position.end ?? Math.min(newest, position.start + Math.floor(windowMs / 1000))
    if (end <= position.start) return 'done'
    await this.#keep({ ...position, end })
    if (!(await this.#fetchWindow(position.start, end))) return 'done'
    await this.#keep({ start: end })
    this.#counters.windows_total++
    return end < newest ? 'more' : 'done'
  }

  /** False when a stop ended it before its last page. */
  async #fetchWindow(start: number, end: number): Promise<boolean> {
    const asked = new Set<string>()
    const taken = new Set<string>()
    for (let paging = this.#position!.paging; ; ) {
      if (!(await this.#loop.room())) return false
      const page = await this.#page(start, end, paging)
      if (isNew(page, taken)) await this.#deliver(page)
      else this.#repeated({ start, end })
      if (page.paging === undefined || page.events.length === 0) return true
      asked.add(JSON.stringify(paging))
      if (asked.has(JSON.stringify(page.paging))) {
        // The same pages would come again, and again.
        this.#repeated({ start, end })
        return true
      }
      if (asked.size >= PAGES_MAX) throw new PullError(`the log export has more than ${PAGES_MAX} pages for one window`)
      paging = page.paging
      await this.#keep({ start, end, paging })
    }
  }

  #repeated(window: { start: number; end: number }): void {
    this.#counters.repeated_pages_total++
    this.#log.warn({ receiver: this.name, ...window }, 'the log export gave a page a second time; it is taken once')
  }

  async #page(start: number, end: number, paging: unknown): Promise<Page> {
    try {
      return await this.#api!.page({ start, end, paging }, this.#loop.soon)
    } catch (error) {
      if (error instanceof PagingRefused) {
        this.#log.warn({ receiver: this.name, start, end }, 'the log export does not know its page any more; the window is fetched anew')
        await this.#keep({ start, end })
      }
      throw error
    }
  }

  /** Durable when it resolves. */
  async #deliver({ events }: Page): Promise<void> {
    this.#counters.pages_total++
    if (events.length === 0) return
    this.#counters.received_events_total += events.length
    const { source, url } = this.#options
    const peer = { receiver: this.name, protocol: 'menlo', address: new URL(url).host, ...(source === undefined ? {} : { source }) }
    const intake = this.#open!(peer, 'json')
    const room = intake.accept(Buffer.from(events.map(event => `${JSON.stringify(event)}\n`).join('')))
    if (room !== undefined) await this.#waitForRoom(room, intake)
    await intake.end().catch(error => {
      this.#counters.commit_failed_total++
      throw error
    })
  }

  async #waitForRoom(room: Promise<void>, intake: Intake): Promise<void> {
    this.#loop.waits(true)
    try {
      await room
    } catch (error) {
      intake.abort()
      throw error
    } finally {
      this.#loop.waits(false)
    }
  }

  async #keep(position: MenloPosition): Promise<void> {
    await savePosition(this.#options.positionFile, position)
    this.#position = position
  }
}

/** Whether these events did not come on an earlier page. A page of one event may well be like another. */
function isNew({ events }: Page, taken: Set<string>): boolean {
  if (events.length < 2) return true
  const digest = createHash('sha256').update(JSON.stringify(events)).digest('base64')
  if (taken.has(digest)) return false
  taken.add(digest)
  return true
}

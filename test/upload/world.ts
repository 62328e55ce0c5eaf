/** A collector's upload side against a local tenant on real sockets: queue on disk files, time that flies. */
import { rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Segment, SegmentStep, UploadQueue } from '../../src/contracts.ts'
import { Faults } from '../../src/tenant/faults.ts'
import { startTenant, type Tenant, type TenantOptions } from '../../src/tenant/tenant.ts'
import { DiscoveryApi } from '../../src/upload/api.ts'
import { type Auth, createAuth } from '../../src/upload/auth.ts'
import type { BlobOptions } from '../../src/upload/blob.ts'
import type { Clock } from '../../src/upload/clock.ts'
import { CloudDiscovery, type SourceTarget } from '../../src/upload/cloud-discovery.ts'
import { createDispatcher } from '../../src/upload/http.ts'
import { RequestBudget } from '../../src/upload/rate-limit.ts'
import { UploadStats } from '../../src/upload/stats.ts'
import { Uploader, type UploaderOptions } from '../../src/upload/uploader.ts'
import { scratchDir } from '../test-dir.ts'

/** The part of tap's `t` that a world needs. Its own testdir would be gone before the tenant has closed. */
export interface TestHandle {
  teardown(end: () => Promise<void> | void): void
}

/** Jumps to the next sleeper as soon as nothing has happened for a few real milliseconds. */
export class FlyingClock implements Clock {
  #nowMs = Date.now()
  #sleepers: { atMs: number; wake: () => void }[] = []
  #timer: NodeJS.Timeout | undefined
  /** Every sleep that was asked for, ms. */
  readonly slept: number[] = []

  now(): number {
    return this.#nowMs
  }

  elapsed(): number {
    return this.#nowMs
  }

  advance(ms: number): void {
    this.#nowMs += ms
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    this.slept.push(ms)
    return new Promise(resolve => {
      const sleeper = {
        atMs: this.#nowMs + ms,
        wake: (): void => {
          this.#sleepers = this.#sleepers.filter(other => other !== sleeper)
          resolve()
        }
      }
      this.#sleepers.push(sleeper)
      signal?.addEventListener('abort', sleeper.wake, { once: true })
      this.#schedule()
    })
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      const next = this.#sleepers.toSorted((a, b) => a.atMs - b.atMs)[0]
      if (!next) return
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.wake()
      if (this.#sleepers.length > 0) this.#schedule()
    }, 10)
  }
}

/** Keeps each step as the spool would, and every step that was ever written. */
export class MemoryQueue implements UploadQueue {
  readonly segments = new Map<string, Segment>()
  readonly history: string[] = []
  readonly finished: string[] = []
  readonly refused = new Map<string, string>()
  #changed: (() => void)[] = []

  add(segment: Segment): Segment {
    this.segments.set(segment.id, segment)
    this.#tell()
    return segment
  }

  waiting(): string[] {
    return [...this.segments.keys()].sort()
  }

  sourceOf(id: string): string | undefined {
    return this.segments.get(id)?.source
  }

  /** As the spool does with a file that is gone or has another size than it had when it was closed. */
  async inspect(id: string): Promise<string | undefined> {
    const { path, bytes } = this.segments.get(id)!
    const size = statSync(path, { throwIfNoEntry: false })?.size
    if (size === bytes) return undefined
    await this.setAside(id, `it has ${size} bytes, expected ${bytes}`)
    return this.refused.get(id)
  }

  /** Its files are one piece of gzip. */
  async split(): Promise<boolean> {
    return false
  }

  changed(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      this.#changed.push(resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  async segment(id: string): Promise<Segment | undefined> {
    const segment = this.segments.get(id)
    return segment && { ...segment }
  }

  async advance(
    id: string,
    step: 'issued' | 'stored' | 'finalising' | 'closed',
    facts: { uploadUrl?: string; provider?: string } = {}
  ): Promise<void> {
    const segment = this.segments.get(id)!
    // As the spool counts: a `finalising` after which no `stored` and no `done` came.
    if (segment.step === 'finalising' && step === 'stored') segment.ambiguousFinalises--
    if (step === 'finalising') segment.ambiguousFinalises++
    segment.step = step as SegmentStep
    Object.assign(segment, facts)
    this.history.push(step)
  }

  async done(id: string): Promise<void> {
    this.history.push('done')
    this.finished.push(id)
    this.segments.delete(id)
    this.#tell()
  }

  async setAside(id: string, reason: string): Promise<void> {
    this.history.push('set-aside')
    this.refused.set(id, reason)
    this.segments.delete(id)
    this.#tell()
  }

  #tell(): void {
    for (const resolve of this.#changed.splice(0)) resolve()
  }
}

export interface WorldOptions {
  tenant?: Partial<TenantOptions>
  uploader?: Partial<UploaderOptions>
  blob?: Partial<BlobOptions>
  auth?: Auth
  timeoutMs?: number
  sources?: (name: string) => SourceTarget | undefined
}

export interface World {
  dir: string
  tenant: Tenant
  faults: Faults
  queue: MemoryQueue
  stats: UploadStats
  clock: FlyingClock
  budget: RequestBudget
  api: DiscoveryApi
  destination: CloudDiscovery
  uploader: Uploader
  /** Adds a segment with real bytes. */
  segment(over?: Partial<Segment> & { text?: string }): Segment
  /** Resolves when the condition holds; rejects after 15 s with what is seen. */
  until(what: string, condition: () => boolean): Promise<void>
}

export const TOKEN = 'a1'.repeat(32)

export const cefLine = (index: number, now = Date.now()): string =>
  `CEF:0|Sluice|Sluice|1|traffic|traffic|3|rt=${now} src=10.0.0.${index % 250} dst=140.82.121.3 dhost=github.com in=${index} out=1 act=allowed`

export async function startWorld(t: TestHandle, options: WorldOptions = {}): Promise<World> {
  const dir = scratchDir('upload')
  const faults = new Faults()
  const clock = new FlyingClock()
  const tenant = await startTenant({ dir: join(dir, 'tenant'), faults, token: TOKEN, ...options.tenant })
  const dispatcher = createDispatcher({ proxyFromEnvironment: false })
  const queue = new MemoryQueue()
  const stats = new UploadStats()
  const budget = new RequestBudget({ clock })
  const auth = options.auth ?? createAuth({ credential: { kind: 'token', token: TOKEN }, dispatcher })
  const timeoutMs = options.timeoutMs ?? 60_000
  const api = new DiscoveryApi({ baseUrl: tenant.url, auth, dispatcher, budget, version: '9.9.9', clock, timeoutMs })
  const sources = options.sources ?? ((name: string): SourceTarget => ({ inputStreamName: name, sourceString: 'GENERIC_CEF' }))
  const destination = new CloudDiscovery({ api, blob: { dispatcher, timeoutMs, ...options.blob }, sources, stats, clock })
  const uploader = new Uploader({ queue, destination, stats, clock, random: () => 0.5, ...options.uploader })
  t.teardown(async () => {
    await uploader.stop(AbortSignal.abort())
    await tenant.close()
    await dispatcher.destroy()
    rmSync(dir, { recursive: true, force: true })
  })
  let sequence = 0
  return {
    dir,
    tenant,
    faults,
    queue,
    stats,
    clock,
    budget,
    api,
    destination,
    uploader,
    segment(over = {}) {
      sequence++
      const { text = `${cefLine(1)}\n${cefLine(2)}\n`, ...facts } = over
      const bytes = gzipSync(text)
      const id = `20261124010203-${String(sequence).padStart(6, '0')}`
      const path = join(dir, `${id}.gz`)
      writeFileSync(path, bytes)
      return queue.add({
        id,
        source: 'HQ',
        format: 'cef',
        step: 'closed',
        path,
        createdMs: Date.UTC(2026, 10, 24, 1, 2, 3),
        closedMs: Date.UTC(2026, 10, 24, 1, 2, 4),
        bytes: bytes.length,
        rawBytes: text.length,
        recordCount: 2,
        firstTime: 0,
        lastTime: 0,
        ambiguousFinalises: 0,
        ...facts
      })
    },
    async until(what, condition) {
      for (let left = 6000; left > 0; left--) {
        if (condition()) return
        await new Promise(resolve => setTimeout(resolve, 10))
      }
      throw new Error(`"${what}" did not come about: ${JSON.stringify({ status: uploader.status(), history: queue.history })}`)
    }
  }
}

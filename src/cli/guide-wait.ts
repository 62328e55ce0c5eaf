/** Waits until the running collector has read a line of an appliance, and says what it saw; or explains why it could not. */
import { setTimeout as sleep } from 'node:timers/promises'
import { costOf, remedyFor } from '../explain/remedies.ts'
import type { Guide } from '../guide/guide.ts'
import type { Target } from '../guide/target.ts'
import type { Attribute } from '../process/attributes.ts'
import type { PipelineStatus, RejectedSample, SourceStatus } from '../telemetry/status.ts'
import { type AdminTarget, askAdmin, NoAnswer } from './admin-client.ts'

const POLL_MS = 1000
/** After the first good line, so that it is judged by more than one. */
const SETTLE_MS = 3000
/** When nothing came for so long, it is time for advice. */
const ADVICE_AFTER_MS = 15_000
const EXPLAINED_MAX = 5
/** What a report misses most; the others are told only when asked for. */
const WANTED = ['user', 'dstHost', 'url', 'uploadedBytes', 'downloadedBytes', 'action'] as const satisfies readonly Attribute[]

export interface Seen {
  ok: boolean
  /** What was seen of the appliance in the meantime. */
  source?: string
  parser?: string
  parsed: number
  skipped: number
  rejected: { outcome: string; parser: string; reason: string; verdict?: string; remedy?: string; text: string }[]
  /** Attributes that no written record had, what that costs, and how the appliance can give it. */
  missing: { attribute: string; cost: string; remedy?: string }[]
  /** Senders of the receiver, as far as known. */
  peers: string[]
}

interface Counts {
  parsed: number
  /** Of all appliances of the source, as are the attributes. */
  written: number
  skipped: number
  attributes: Map<string, number>
}

export interface WaitOptions {
  admin: AdminTarget
  guide: Guide
  target: Target
  timeoutMs: number
  /** Told once a second, for a line that changes. */
  onProgress(text: string): void
  /** Told of what is worth a line of its own, as it comes. */
  onNews(text: string): void
}

/** Rejects with NoAnswer when no collector runs. */
export async function waitForLines({ admin, guide, target, timeoutMs, onProgress, onNews }: WaitOptions): Promise<Seen> {
  const startMs = Date.now()
  const before = await status(admin)
  const explained = new Map<string, RejectedSample>()
  let advised = false
  for (let goodMs: number | undefined; ; ) {
    const now = await status(admin)
    const waitedMs = Date.now() - startMs
    for (const sample of await samplesSince(admin, startMs)) {
      const kind = `${sample.outcome} ${sample.parser} ${sample.reason}`
      if (explained.has(kind) || explained.size >= EXPLAINED_MAX || !isOf(guide, sample)) continue
      explained.set(kind, sample)
      onNews(rejection(sample))
    }
    const found = firstGood(before, now, guide)
    if (found !== undefined && goodMs === undefined) {
      goodMs = Date.now()
      onNews(`The first good line: read by ${found.parser} for the source ${found.source.name}.`)
    }
    if (goodMs !== undefined && (Date.now() - goodMs >= SETTLE_MS || waitedMs >= timeoutMs))
      return seen(before, now, guide, target, explained, found)
    if (waitedMs >= timeoutMs) return seen(before, now, guide, target, explained, undefined)
    const received = now.balance.frames.received - before.balance.frames.received
    if (received === 0 && waitedMs >= ADVICE_AFTER_MS && !advised) {
      advised = true
      onNews(
        `Nothing arrived yet. Is there a route and no firewall in between? On this machine: tcpdump -ni any port ${target.port}. Packets there but not here: a host firewall.`
      )
    }
    onProgress(`waiting for ${guide.appliance}: ${Math.round(waitedMs / 1000)} s, ${received} lines of any kind`)
    await sleep(POLL_MS)
  }
}

async function status(admin: AdminTarget): Promise<PipelineStatus> {
  const { status: code, body } = await askAdmin(admin, '/api/v1/status')
  if (code !== 200) throw new NoAnswer(`${admin.url} answered ${code}`)
  return body as PipelineStatus
}

async function samplesSince(admin: AdminTarget, sinceMs: number): Promise<RejectedSample[]> {
  const { status: code, body } = await askAdmin(admin, '/api/v1/tap?limit=1000')
  return code === 200 ? (body as RejectedSample[]).filter(({ atMs }) => atMs >= sinceMs) : []
}

/** Lines that nobody knows may be of this appliance, too. */
const isOf = (guide: Guide, { parser }: RejectedSample): boolean => parser === '' || guide.parsers.includes(parser)

export function rejection({ outcome, reason, verdict, remedy, text }: RejectedSample): string {
  return [
    `A line that gave no record (${outcome}${reason === outcome ? '' : `: ${reason}`}): ${text.slice(0, 200)}`,
    ...(verdict === undefined ? [] : [`  ${verdict}`]),
    ...(remedy === undefined ? [] : [`  What helps: ${remedy}.`])
  ].join('\n')
}

function countsOf({ outcomes, records, attributes }: SourceStatus, guide: Guide): Counts {
  const of = (wanted: string): number =>
    outcomes
      .filter(({ outcome, parser }) => outcome === wanted && guide.parsers.includes(parser))
      .reduce((sum, { count }) => sum + count, 0)
  const { written } = records
  return { parsed: of('parsed'), skipped: of('skipped'), written, attributes: new Map(attributes.map(one => [one.attribute, one.count])) }
}

const NOTHING: Counts = { parsed: 0, skipped: 0, written: 0, attributes: new Map() }

/** What is new of a source. */
function newsOf(before: PipelineStatus, source: SourceStatus, guide: Guide): Counts {
  const earlier = before.sources.find(({ name }) => name === source.name)
  const [was, is] = [earlier === undefined ? NOTHING : countsOf(earlier, guide), countsOf(source, guide)]
  const attributes = [...is.attributes].map(([name, count]) => [name, count - (was.attributes.get(name) ?? 0)] as const)
  return {
    parsed: is.parsed - was.parsed,
    skipped: is.skipped - was.skipped,
    written: is.written - was.written,
    attributes: new Map(attributes)
  }
}

function firstGood(before: PipelineStatus, now: PipelineStatus, guide: Guide): { source: SourceStatus; parser: string } | undefined {
  const source = now.sources.find(one => newsOf(before, one, guide).parsed > 0)
  if (source === undefined) return undefined
  const { parser } = source.outcomes.find(one => one.outcome === 'parsed' && guide.parsers.includes(one.parser))!
  return { source, parser }
}

function seen(
  before: PipelineStatus,
  now: PipelineStatus,
  guide: Guide,
  target: Target,
  explained: ReadonlyMap<string, RejectedSample>,
  found: { source: SourceStatus; parser: string } | undefined
): Seen {
  const news = now.sources.map(source => newsOf(before, source, guide))
  const sum = (of: (counts: Counts) => number): number => news.reduce((total, counts) => total + of(counts), 0)
  const { written, attributes } = found === undefined ? NOTHING : newsOf(before, found.source, guide)
  const missing = written === 0 || attributes.size === 0 ? [] : WANTED.filter(attribute => (attributes.get(attribute) ?? 0) === 0)
  return {
    ok: found !== undefined,
    ...(found === undefined ? {} : { source: found.source.name, parser: found.parser }),
    parsed: sum(({ parsed }) => parsed),
    skipped: sum(({ skipped }) => skipped),
    rejected: [...explained.values()].map(({ outcome, parser, reason, verdict, remedy, text }) => ({
      outcome,
      parser,
      reason,
      text,
      ...(verdict === undefined ? {} : { verdict }),
      ...(remedy === undefined ? {} : { remedy })
    })),
    missing: missing.map(attribute => {
      const remedy = remedyFor(found!.parser, attribute)
      return { attribute, cost: costOf(attribute, one => !missing.some(name => name === one)), ...(remedy === undefined ? {} : { remedy }) }
    }),
    peers: now.receivers.find(({ name }) => name === target.receiver)?.peers?.map(({ address }) => address) ?? []
  }
}

/** `sluice tap`: single lines with what becomes of them, as they come; or those that could not be read lately. */
import { parseArgs } from 'node:util'
import type { RejectedSample } from '../telemetry/status.ts'
import { TAP_OUTCOMES, type TapOutcome, type TapSample } from '../telemetry/tap.ts'
import { type AdminTarget, adminTarget, askAdmin, NoAnswer, streamAdmin } from './admin-client.ts'
import { visible, write } from './text-output.ts'
import { EXIT, type Io, UsageError, type Verb } from './verb.ts'

const STAGES = ['raw', 'parsed', 'rejected', 'uploaded'] as const
type Stage = (typeof STAGES)[number]

/** Outcomes that each stage is about. */
const OUTCOMES: Readonly<Record<Stage, readonly TapOutcome[]>> = {
  raw: TAP_OUTCOMES,
  parsed: ['parsed', 'dropped'],
  rejected: ['malformed', 'unidentified', 'rejected'],
  uploaded: ['parsed']
}
const LIMIT_DEFAULT = 20

export const tap: Verb = async (args, io) => {
  const { values } = parseArgs({
    args,
    options: {
      stage: { type: 'string', default: 'rejected' },
      outcome: { type: 'string' },
      source: { type: 'string' },
      limit: { type: 'string' },
      follow: { type: 'boolean', short: 'f' },
      config: { type: 'string', short: 'c' },
      url: { type: 'string' },
      json: { type: 'boolean' }
    }
  })
  const stage = oneOf(STAGES, values.stage, '--stage')
  const outcomes = values.outcome === undefined ? OUTCOMES[stage] : [oneOf(OUTCOMES[stage], values.outcome, '--outcome')]
  const follow = values.follow === true
  const limit = readLimit(values.limit) ?? (follow ? Infinity : LIMIT_DEFAULT)
  const request: TapRequest = { stage, outcomes, source: values.source, limit, json: values.json === true }
  const target = await adminTarget(values, io)
  try {
    if (stage === 'rejected' && !follow) await showRejected(target, request, io)
    else await showLive(target, request, io)
    return EXIT.OK
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    io.stderr.write(`sluice: ${error.message}\n`)
    return EXIT.FAILED
  }
}

interface TapRequest {
  stage: Stage
  outcomes: readonly TapOutcome[]
  source: string | undefined
  limit: number
  json: boolean
}

function oneOf<Word extends string>(words: readonly Word[], word: string, option: string): Word {
  const found = words.find(one => one === word)
  if (found === undefined) throw new UsageError(`${option} is ${JSON.stringify(word)}, expected ${words.join(', ')}`)
  return found
}

function readLimit(text: string | undefined): number | undefined {
  if (text !== undefined && !/^[1-9]\d{0,6}$/.test(text))
    throw new UsageError(`--limit is ${JSON.stringify(text)}, expected a number from 1 up`)
  return text === undefined ? undefined : Number(text)
}

/** What the collector kept of the lines that it could not read. */
async function showRejected(target: AdminTarget, { outcomes, source, limit, json }: TapRequest, io: Io): Promise<void> {
  const query = new URLSearchParams({
    limit: String(Math.min(limit, 1000)),
    ...(outcomes.length === 1 ? { outcome: outcomes[0]! } : {}),
    ...(source === undefined ? {} : { source })
  })
  const { status, body } = await askAdmin(target, `/api/v1/tap?${query}`)
  if (status !== 200) throw new NoAnswer(`${target.url} answered ${status}`)
  for (const sample of body as RejectedSample[]) await write(io.stdout, json ? `${JSON.stringify(sample)}\n` : rejectedLine(sample))
}

async function showLive(target: AdminTarget, { stage, outcomes, source, limit, json }: TapRequest, io: Io): Promise<void> {
  const query = new URLSearchParams({ outcome: outcomes.join(','), ...(source === undefined ? {} : { source }) })
  let left = limit
  for await (const line of streamAdmin(target, `/api/v1/tap/live?${query}`)) {
    if (line === '') continue
    await write(io.stdout, json ? `${line}\n` : liveLine(stage, JSON.parse(line) as TapSample))
    if (--left <= 0) return
  }
  throw new NoAnswer(`${target.url} ended the stream`)
}

function rejectedLine({ atMs, source, outcome, parser, reason, text }: RejectedSample | (TapSample & { text: string })): string {
  return `${new Date(atMs).toISOString()} ${source} ${outcome}${parser === '' ? '' : ` ${parser}`} (${reason}): ${visible(text)}\n`
}

function liveLine(stage: Stage, sample: TapSample): string {
  const { atMs, source, outcome, parser, reason, raw, record, line } = sample
  if (stage === 'rejected') return rejectedLine({ ...sample, text: raw })
  const head = `${new Date(atMs).toISOString()} ${source} ${parser === '' ? outcome : parser}${reason === '' ? '' : ` ${outcome} (${reason})`}`
  const text = stage === 'raw' ? raw : stage === 'uploaded' ? (line ?? '') : JSON.stringify(record)
  return `${head}: ${visible(text)}\n`
}

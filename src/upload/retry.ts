/**
 * What each failure of an upload step means. The service documents no error answers; the rows come from client code
 * (cloud-discovery 1.5). This is the only place that judges a status; the uploader only carries the decision out.
 */
import { CollectorError, type ErrorCode } from '../errors.ts'

/** Steps as metrics name them: upload URL, blob, finalise; the stream list and the token request beside them. */
export type Stage = 'url' | 'put' | 'done' | 'list' | 'token'

export type Decision =
  /** Same step again after a backoff. */
  | { kind: 'retry' }
  /** The request budget rests; then the same step again. */
  | { kind: 'throttled'; waitMs: number }
  /** The upload URL is of no use any more: back to call 1. */
  | { kind: 'reissue' }
  /** The bytes are there already: go on to call 3. */
  | { kind: 'stored' }
  /** All uploads of this tenant stop until a person acts (or a probe succeeds). */
  | { kind: 'stop-all'; state: 'auth' | 'configuration' }
  /** This data source stops; the others go on. */
  | { kind: 'stop-source' }
  /** Too large: in two parts. */
  | { kind: 'split' }
  /** Never again as it is; kept for a person. */
  | { kind: 'set-aside' }

export interface Failure {
  stage: Stage
  /** HTTP status; 0 when no answer came. */
  status: number
  /** Start of the answer's body. */
  body?: string
  retryAfter?: string | undefined
  /** The storage's own code, `x-ms-error-code`. */
  errorCode?: string | undefined
  /** An earlier PUT to the same URL may have been stored though its answer was lost. */
  mayBeStored?: boolean
}

/** Shortest rest after a 429: no `Retry-After` was ever reported, and the limit is per minute. */
export const THROTTLE_MIN_MS = 60_000
const THROTTLE_MAX_MS = 3600_000
const BACKOFF_BASE_MS = 1000
const BACKOFF_MAX_MS = 300_000

/** `now` in ms is needed for a `Retry-After` that is a date. */
export function classify(failure: Failure, now: number): Decision {
  const { stage, status, body = '' } = failure
  if (status === 0) return { kind: 'retry' }
  if (status === 429 || (status >= 300 && /throttled|too many requests/i.test(body)))
    return { kind: 'throttled', waitMs: throttleMs(failure.retryAfter, now) }
  if (stage === 'put') return classifyBlob(failure)
  if (stage === 'token') return status === 400 || status === 401 || status === 403 ? { kind: 'stop-all', state: 'auth' } : { kind: 'retry' }
  if ((status === 400 || status === 404) && /NOT_FOUND_INPUT_STREAM/.test(body)) return { kind: 'stop-source' }
  if (status === 401 || status === 403) return { kind: 'stop-all', state: 'auth' }
  if (status === 404 || (status >= 300 && status < 400)) return { kind: 'stop-all', state: 'configuration' }
  if (status === 408 || status === 425 || status >= 500 || status < 300) return { kind: 'retry' }
  // Call 1 carries no bytes of the file: by that a smaller one would fare no better.
  if (status === 413 && stage === 'done') return { kind: 'split' }
  return { kind: 'set-aside' }
}

/**
 * Codes of Azure (Blob service error codes) and S3 (`<Code>` of the body) by which a storage refuses to write over a file; other
 * conflicts, such as a container that is being deleted, say nothing of the file.
 */
const IS_THERE: ReadonlySet<string> = new Set([
  'BlobAlreadyExists',
  'ConditionNotMet',
  'BlobImmutableDueToPolicy',
  'UnauthorizedBlobOverwrite',
  'PreconditionFailed'
])

/** The storage has a file at this URL already and keeps it. */
function isThere({ status, errorCode, body = '' }: Failure): boolean {
  const code = errorCode ?? /<Code>(\w{1,64})<\/Code>/.exec(body)?.[1]
  return code === undefined ? status === 409 || status === 412 : IS_THERE.has(code)
}

function classifyBlob(failure: Failure): Decision {
  const { status, errorCode, mayBeStored } = failure
  if (mayBeStored === true && isThere(failure)) return { kind: 'stored' }
  if (status === 401 || status === 403 || status === 404 || status === 409 || status === 412) return { kind: 'reissue' }
  // Bytes changed on the way: the same bytes may well arrive the next time.
  if (errorCode === 'Md5Mismatch') return { kind: 'retry' }
  if (status === 408 || status >= 500 || (status >= 300 && status < 400)) return { kind: 'retry' }
  if (status === 413) return { kind: 'split' }
  return { kind: 'set-aside' }
}

/** At least a minute, `Retry-After` (RFC 9110 section 10.2.3: seconds or a date) when it asks for more, never above an hour. */
export function throttleMs(retryAfter: string | undefined, now: number): number {
  const seconds = retryAfter !== undefined && /^\d{1,9}$/.test(retryAfter.trim()) ? Number(retryAfter) * 1000 : undefined
  const asked = seconds ?? (retryAfter === undefined ? 0 : Date.parse(retryAfter) - now)
  return Math.min(THROTTLE_MAX_MS, Math.max(THROTTLE_MIN_MS, Number.isNaN(asked) ? 0 : asked))
}

/** Exponential with full jitter: anything between nothing and the ceiling, so that collectors do not come back together. */
export function backoffMs(attempt: number, random: () => number = Math.random, maxMs: number = BACKOFF_MAX_MS): number {
  return Math.ceil(random() * Math.min(maxMs, BACKOFF_BASE_MS * 2 ** Math.min(attempt, 30)))
}

const CODES: Record<Decision['kind'], ErrorCode> = {
  retry: 'UPLOAD_RETRY',
  throttled: 'UPLOAD_THROTTLED',
  reissue: 'UPLOAD_RETRY',
  stored: 'UPLOAD_RETRY',
  'stop-all': 'UPLOAD_AUTH',
  'stop-source': 'UPLOAD_REFUSED',
  split: 'UPLOAD_REFUSED',
  'set-aside': 'UPLOAD_REFUSED'
}

/** A step that failed, with what to do about it. */
export class StepFailure extends CollectorError {
  readonly stage: Stage
  readonly status: number
  readonly decision: Decision
  /** The request went out in full and no answer says what came of it. */
  readonly ambiguous: boolean

  constructor(message: string, failure: Failure, decision: Decision, options: { cause?: unknown; ambiguous?: boolean } = {}) {
    const code = decision.kind === 'retry' && failure.status === 0 ? 'TENANT_UNREACHABLE' : CODES[decision.kind]
    super(code, message, { retryable: decision.kind !== 'set-aside', cause: options.cause })
    this.name = 'StepFailure'
    this.stage = failure.stage
    this.status = failure.status
    this.decision = decision
    this.ambiguous = options.ambiguous ?? false
  }
}

/** The failure of an HTTP answer, judged; the body is quoted briefly and never holds our secrets. */
export function answerFailure(what: string, failure: Failure, now: number): StepFailure {
  const decision = classify(failure, now)
  const quoted = (failure.body ?? '').replaceAll(/\s+/g, ' ').slice(0, 200)
  // A gateway that gave up waiting does not know either, and a service may break down after it has done its work.
  const ambiguous = failure.status >= 500 && failure.status !== 501 && failure.status !== 503
  const answer = `the answer was ${failure.status}${quoted ? ` ${quoted}` : ''}`
  const message = failure.stage === 'put' && isThere(failure) ? thereAlready(decision, answer) : `Cannot ${what}: ${answer}`
  return new StepFailure(message, failure, decision, { ambiguous })
}

const thereAlready = ({ kind }: Decision, answer: string): string =>
  kind === 'stored'
    ? `The storage has the file from an earlier try whose answer was lost, so the upload goes on (${answer})`
    : `The upload URL has a file already that is not known to be this one, so a new URL is asked for (${answer})`

/** No answer: refused, timed out, cut. */
export function networkFailure(what: string, stage: Stage, cause: unknown): StepFailure {
  const failure: Failure = { stage, status: 0 }
  return new StepFailure(`Cannot ${what}: ${describe(cause)}`, failure, { kind: 'retry' }, { cause, ambiguous: true })
}

/** The innermost message of an error, with its code. */
export function describe(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  // Ours are whole sentences that quote their cause.
  if (error instanceof CollectorError) return error.message
  const code = (error as NodeJS.ErrnoException).code
  const own = code && !error.message.includes(code) ? `${error.message} (${code})` : error.message
  return error.cause instanceof Error && error.cause !== error ? `${own}: ${describe(error.cause)}` : own
}

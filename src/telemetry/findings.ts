/** What is wrong, as sentences with their remedy; made from the status alone, and from what its past tells. */
import type { ReceiverStatus } from '../contracts.ts'
import { NO_SOURCE, type PipelineStatus, type SourceStatus } from './status.ts'
import type { UploadPause } from './upload-status.ts'

export interface Finding {
  level: 'warning' | 'bad'
  /** A sentence without its full stop; times are in `sinceMs`, since only the reader knows their zone. */
  what: string
  because?: string
  /** What to do. */
  remedy?: string
  sinceMs?: number
  source?: string
}

/** What findings are made of. */
export type Judgeable = Omit<PipelineStatus, 'state' | 'reasons'>

/** What the status does not know: it has no past. */
export interface Trend {
  /** Until the spool is full; undefined while it does not fill. */
  timeToFullMs?: number | undefined
  /** When something was last lost for lack of room. */
  lastLossMs?: number | undefined
  /** Since when frames or records are not accounted for. */
  unbalancedSinceMs?: number | undefined
}

const HOUR_MS = 3600_000
const DAY_MS = 24 * HOUR_MS
/** With nothing from anybody for so long, somebody should look, whatever is usual. */
const QUIET_MAX_MS = 5 * 60_000
/** A file that waits longer, besides twice the time in which it is filled, waits too long. */
const BEHIND_MS = 10 * 60_000
const EXPIRY_SOON_MS = 14 * DAY_MS
const FULL_SOON_MS = 4 * HOUR_MS
/** A difference that comes and goes is a block between two counters. */
const UNBALANCED_MIN_MS = 30_000

const PAUSE_REMEDIES: Readonly<Record<string, string>> = {
  auth: 'Renew the token or secret in its file, then reload (SIGHUP or POST /api/v1/reload).',
  configuration: 'Check tenant.url: it is the API URL that the portal shows under About.',
  'source-unknown': 'Create the data source in the portal (Cloud Discovery, automatic log upload), or set data_source.',
  throttled: 'Wait; it goes on by itself. When it stays, lower upload.requests_per_minute: all clients share the limit.',
  unreachable: 'Check name, route and proxy to the tenant (tenant.proxy, tenant.ca_file). It is tried again by itself; the spool keeps all.'
}

/** Worst first. */
export const findingsOf = (status: Judgeable, nowMs: number, trend: Trend): Finding[] =>
  [
    ...machineFindings(status),
    ...uploadFindings(status, nowMs),
    ...arrivalFindings(status, nowMs),
    ...readingFindings(status),
    ...serviceFindings(status),
    ...trendFindings(status, nowMs, trend),
    ...expiryFindings(status, nowMs),
    ...otherFindings(status)
  ].sort((a, b) => Number(b.level === 'bad') - Number(a.level === 'bad'))

function machineFindings({ spool, lanes, receivers }: Judgeable): Finding[] {
  const { unrecoveredSegments } = spool
  const dead = lanes.filter(({ alive }) => !alive).length
  return [
    ...when(!spool.writable, {
      level: 'bad',
      what: 'Nothing can be stored',
      because: `the spool ${spool.dir} cannot be written`,
      remedy: 'Check the disk, its free space and the rights of the directory.'
    }),
    ...when(dead > 0, {
      level: 'bad',
      what: dead === 1 ? 'A lane does not answer' : `${dead} lanes do not answer`,
      remedy: 'Save the log and restart; what is in the spool stays.'
    }),
    ...when(unrecoveredSegments > 0, {
      level: 'warning',
      what: `${unrecoveredSegments === 1 ? 'One segment' : `${unrecoveredSegments} segments`} of the spool could not be recovered at the start`,
      because: 'the disk refused, and the log names each; they are kept, and in no count',
      remedy: 'Check the disk and the rights of the files in open/ of the spool, then restart: each start tries again.'
    }),
    ...receivers.filter(({ state }) => state === 'failed').map(failedReceiver),
    ...receivers.filter(({ gauges }) => gauges?.pull_failing === 1).map(failingPull),
    ...receivers.filter(status => failedHandshakes(status) > 0 && status.counters.received_bytes_total === 0).map(lockedReceiver),
    ...when(spool.full, {
      level: 'bad',
      what: 'The spool is full, and senders that can wait are stopped',
      remedy: 'See why uploads fail, or make spool.max_bytes or the disk larger.'
    })
  ]
}

const failedReceiver = ({ name, address, reason }: ReceiverStatus): Finding => ({
  level: 'bad',
  what: `Receiver ${name} on ${address} does not listen`,
  ...defined({ because: reason }),
  remedy: 'Free the address or choose another in listen, then restart.'
})

const failingPull = ({ name, reason }: ReceiverStatus): Finding => ({
  level: 'warning',
  what: `Receiver ${name} cannot fetch`,
  ...defined({ because: reason }),
  remedy: 'Check address, credentials and the way to the server. It is tried again by itself, from where it was.'
})

const failedHandshakes = ({ counters }: ReceiverStatus): number =>
  (counters.handshake_failed_total ?? 0) + (counters.client_certificate_refused_total ?? 0)

/** With bytes of anybody, those that fail are more likely scanners than senders. */
const lockedReceiver = (status: ReceiverStatus): Finding => ({
  level: 'warning',
  what: `No sender of receiver ${status.name} has come through the TLS handshake`,
  because: `${failedHandshakes(status)} tried`,
  remedy:
    'Does the sender use TLS, trust the certificate of the receiver, and show one that it accepts? After sluice log-level debug the log names each and why.'
})

function uploadFindings(status: Judgeable, nowMs: number): Finding[] {
  const { upload, balance, sources } = status
  const { setAside } = balance.delivery
  const aside = sources.filter(({ records }) => records.setAside > 0).map(({ name }) => name)
  return [
    ...upload.pauses.map(pauseFinding),
    ...when(upload.pauses.length === 0 && isBehind(status, nowMs), {
      level: 'warning',
      what: `Uploads fall behind: ${upload.waiting} files wait`,
      sinceMs: oldestWaitingMs(status) ?? nowMs,
      remedy: 'The service allows few calls a minute: lengthen upload.flush_interval, so that files are fewer and larger.'
    }),
    ...when(setAside > 0, {
      level: 'warning',
      what: `${setAside === 1 ? 'One record' : `${setAside} records`} of ${aside.join(', ')} ${setAside === 1 ? 'was' : 'were'} set aside`,
      because: 'their files are damaged, or the tenant refused them for good',
      remedy: 'See sluice spool ls for the reasons; sluice spool replay uploads one again.'
    })
  ]
}

/** When the oldest segment that waits was begun; the list has the oldest first. */
const oldestWaitingMs = ({ spool }: Judgeable): number | undefined => spool.list.find(({ step }) => step !== 'open')?.createdMs

function isBehind(status: Judgeable, nowMs: number): boolean {
  const beganMs = oldestWaitingMs(status)
  return beganMs !== undefined && nowMs - beganMs > BEHIND_MS + 2 * status.upload.flushIntervalMs
}

function pauseFinding({ state, source, reason, sinceMs }: UploadPause): Finding {
  const throttled = state === 'throttled'
  const what = throttled
    ? 'Uploads wait, as the tenant asked to slow down'
    : source === undefined
      ? 'Uploads fail'
      : `Uploads of ${source} fail`
  const remedy = PAUSE_REMEDIES[state]
  return { level: throttled ? 'warning' : 'bad', what, because: reason, sinceMs, ...defined({ remedy, source }) }
}

function arrivalFindings({ sources, startedMs, spool }: Judgeable, nowMs: number): Finding[] {
  // Nobody is read then, so nobody is silent.
  if (spool.full) return []
  const heard = sources.map(({ lastSeenMs }) => lastSeenMs ?? 0)
  const lastMs = Math.max(0, ...heard)
  const silent = sources.filter(({ silence }) => silence !== undefined)
  const remedy = 'Look at the appliance and the way from it: is it on, is its log target this host, does a firewall lie between?'
  const allSilent = silent.length > 0 && silent.length === sources.filter(({ name }) => name !== NO_SOURCE).length
  if (allSilent || (lastMs > 0 && nowMs - lastMs > QUIET_MAX_MS))
    return [{ level: 'bad', what: 'Nothing arrives', sinceMs: lastMs > 0 ? lastMs : startedMs, remedy }]
  return silent.map(({ name, silence, lastSeenMs }) => ({
    level: 'warning',
    what: lastSeenMs === undefined ? `${name} has sent nothing yet` : `${name} is silent`,
    sinceMs: silence!.sinceMs,
    remedy,
    source: name
  }))
}

function readingFindings({ sources }: Judgeable): Finding[] {
  return sources.flatMap(source => [
    ...when(source.frames.parsed === 0 && failedFrames(source) > 0, {
      level: sources.every(({ frames }) => frames.parsed === 0) ? 'bad' : 'warning',
      what: source.name === NO_SOURCE ? 'Lines arrive that no source takes' : `Lines of ${source.name} arrive, and none can be read`,
      remedy: 'See the rejected lines below: they say why, and what to change.',
      source: source.name
    }),
    ...when(source.records.parsed > 0 && source.records.written === 0 && source.records.dropped === source.records.parsed, {
      level: 'warning',
      what: `All records of ${source.name} are dropped`,
      because: source.dropped.map(({ reason, count }) => `${reason} (${count})`).join(', '),
      remedy:
        'Internal destinations and old records are dropped by default; see process in the configuration, and the clock of the appliance.',
      source: source.name
    }),
    ...driftFindings(source)
  ])
}

/** What the tenant's list of data sources says. */
function serviceFindings({ sources, tenant, upload }: Judgeable): Finding[] {
  const troubled = sources.filter(source => serviceComplains(source, upload.lastLookMs))
  const missing = troubled.filter(({ service }) => service!.state === 'missing').map(({ dataSource }) => dataSource)
  return [
    ...troubled
      .filter(({ service }) => service!.state !== 'missing')
      .map(({ name, dataSource, service }) => ({
        level: 'warning' as const,
        what: `The tenant reports trouble with ${dataSource}`,
        because: service!.reason,
        remedy: `See the data source and the governance log in the portal of ${tenant.url}.`,
        source: name
      })),
    ...when(missing.length > 0, {
      level: 'warning',
      what: `The tenant has no data source ${missing.length > 1 ? 'for ' : ''}${missing.join(', ')}`,
      remedy: 'Create it in the portal (Cloud Discovery, automatic log upload), or set data_source to the name it has there.'
    }),
    ...when(upload.lookError !== undefined, {
      level: 'warning',
      what: 'The tenant’s list of data sources cannot be read',
      ...defined({ because: upload.lookError }),
      remedy: 'Without it nobody tells whether the tenant could read the files. It is tried again by itself.'
    })
  ]
}

/** A data source that was missing at the last look, and has taken a file since, is there. */
export function serviceComplains({ service, lastUploadMs }: SourceStatus, lastLookMs: number | undefined): boolean {
  if (service === undefined || service.state === 'fine') return false
  return service.state !== 'missing' || (lastUploadMs ?? 0) <= (lastLookMs ?? 0)
}

const failedFrames = ({ frames }: SourceStatus): number => frames.malformed + frames.unidentified

/** One finding, however much of the shape changed. */
function driftFindings({ name, drift }: SourceStatus): Finding[] {
  const rejected = drift.filter(({ what }) => what === 'rejected')
  const vanished = drift.filter(({ what }) => what !== 'rejected')
  const because = [
    ...rejected.map(({ share, usualShare }) => `${percent(share)} of its lines are rejected, usually ${percent(usualShare)}`),
    ...(vanished.length === 0
      ? []
      : [`records lack ${vanished.map(({ what, usualShare }) => `${what} (usually in ${percent(usualShare)})`).join(', ')}`])
  ]
  return when(drift.length > 0, {
    level: 'warning',
    what: `The log of ${name} changed shape`,
    because: because.join('; '),
    remedy: 'Was the appliance updated, or its log format changed? sluice explain FILE shows what became of it.',
    sinceMs: Math.min(...drift.map(({ sinceMs }) => sinceMs)),
    source: name
  })
}

function trendFindings({ balance, spool }: Judgeable, nowMs: number, { timeToFullMs, lastLossMs, unbalancedSinceMs }: Trend): Finding[] {
  const { frames, records, delivery } = balance
  return [
    ...when(!spool.full && timeToFullMs !== undefined && timeToFullMs < FULL_SOON_MS, {
      level: 'warning',
      what: `The spool is full in ${roughly(timeToFullMs ?? 0)} if it goes on so`,
      remedy: 'More comes in than goes out: see the uploads, or make spool.max_bytes larger.'
    }),
    ...when(lastLossMs !== undefined, {
      level: 'warning',
      what: 'Lines were lost for lack of room',
      ...defined({ sinceMs: lastLossMs }),
      remedy:
        'Kernel drops: sysctl -w net.core.rmem_max=8388608 and restart. Shed lines: more cores, or senders that can wait (TCP, TLS, RELP).'
    }),
    ...when(unbalancedSinceMs !== undefined && nowMs - unbalancedSinceMs >= UNBALANCED_MIN_MS, {
      level: 'warning',
      what: 'The sums do not balance',
      because: `${frames.difference} frames, ${records.difference} records, ${delivery.difference} in delivery are not accounted for`,
      remedy: 'This is a bug of Sluice: please report it with sluice status --json.',
      ...defined({ sinceMs: unbalancedSinceMs })
    })
  ]
}

function expiryFindings({ receivers, upload }: Judgeable, nowMs: number): Finding[] {
  const certificates = receivers.flatMap(({ name, gauges }) => {
    const endsAt = gauges?.tls_certificate_expiry_timestamp_seconds
    return endsAt === undefined ? [] : expiry(`The certificate of receiver ${name}`, endsAt * 1000, nowMs)
  })
  return [...certificates, ...upload.secrets.flatMap(({ secret, endsMs }) => expiry(`The tenant’s ${secret}`, endsMs, nowMs))]
}

function expiry(what: string, endsMs: number, nowMs: number): Finding[] {
  const leftMs = endsMs - nowMs
  const remedy = 'Put the new one into its file; certificates are read again by themselves, secrets at a reload.'
  if (leftMs <= 0) return [{ level: 'bad', what: `${what} has ended`, sinceMs: endsMs, remedy }]
  return when(leftMs < EXPIRY_SOON_MS, { level: 'warning', what: `${what} ends in ${roughly(leftMs)}`, remedy })
}

function otherFindings({ config, archive }: Judgeable): Finding[] {
  const [first = 'the log says why', ...more] = config.messages ?? []
  return [
    ...when(!config.lastReloadSucceeded, {
      level: 'warning',
      what: 'The old configuration goes on, as the new one was not taken',
      because: `${first}${more.length === 0 ? '' : ` (and ${more.length} more)`}`,
      remedy: 'sluice validate lists every fault; then reload.',
      sinceMs: config.lastReloadMs
    }),
    ...when((archive?.troubles.length ?? 0) > 0, {
      level: 'warning',
      what: 'The archive has trouble',
      because: archive?.troubles.join('; ') ?? '',
      remedy: 'The tenant gets everything all the same. Mend the archive’s place or disk; it goes on by itself while its buffer has room.'
    })
  ]
}

const when = (isSo: boolean, finding: Finding): Finding[] => (isSo ? [finding] : [])

/** Without the keys whose value is undefined. */
export function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never
}

const percent = (share: number): string => `${Math.round(100 * share)} %`

function roughly(ms: number): string {
  const minutes = Math.max(1, Math.round(ms / 60_000))
  if (minutes < 120) return `${minutes} min`
  return ms < 2 * DAY_MS ? `${Math.round(ms / HOUR_MS)} h` : `${Math.round(ms / DAY_MS)} days`
}

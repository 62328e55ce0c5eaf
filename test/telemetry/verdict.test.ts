import t, { type Test } from 'tap'
import type { PipelineStatus } from '../../src/telemetry/status.ts'
import { judged, sentenceOf, verdictOf } from '../../src/telemetry/verdict.ts'
import { fineStatus } from './sample-status.ts'

const NOW_MS = 1_800_000_010_000

function says(t: Test, change: (status: PipelineStatus) => void, expected: object): void {
  const status = fineStatus()
  change(status)
  t.match(verdictOf(status, NOW_MS), expected)
}

t.test('without trouble data reaches the tenant, and it says which one', async t => {
  says(t, () => {}, { level: 'good', headline: 'Data reaches the local tenant', findings: [] })
  says(t, status => (status.tenant = { kind: 'cloud', url: 'https://x.example' }), { headline: /^Data reaches the tenant$/ })
})

t.test('before data came through it says how far it came', async t => {
  const empty = (status: PipelineStatus): void => {
    Object.assign(status.balance.frames, { received: 0 })
    Object.assign(status.balance.delivery, { written: 0, recovered: 0, uploaded: 0 })
    status.upload.uploadedFiles = 0
    delete status.sources[0]!.lastSeenMs
  }
  says(t, empty, { level: 'starting', headline: 'Waiting for the first line' })
  says(
    t,
    status => {
      empty(status)
      status.balance.frames.received = 9
      status.balance.delivery.written = 9
    },
    { level: 'starting', headline: 'The first file is being filled', remedy: /flush_interval/ }
  )
})

t.test('uploads that fail are the head line, with since, because and what to do', async t => {
  for (const [state, remedy] of [
    ['auth', /Renew/],
    ['unreachable', /proxy/],
    ['configuration', /tenant\.url/]
  ] as const)
    says(t, status => (status.upload.pauses = [{ state, reason: 'it answered 401', sinceMs: 5, untilMs: 9 }]), {
      level: 'bad',
      headline: 'Uploads fail',
      sinceMs: 5,
      because: 'it answered 401',
      remedy
    })
  says(t, status => (status.upload.pauses = [{ state: 'throttled', reason: '429', sinceMs: 5, untilMs: 9 }]), { level: 'warning' })
})

t.test('segments that the disk refused at the start are told, with the way on', async t => {
  says(t, status => (status.spool.unrecoveredSegments = 2), {
    level: 'warning',
    findings: [{ what: /^2 segments of the spool could not be recovered/, because: /in no count/, remedy: /then restart/ }]
  })
})

t.test('files that wait too long without a pause mean that uploads fall behind', async t => {
  const waiting = (ageMs: number) => (status: PipelineStatus) => (status.spool.list[0]!.createdMs = NOW_MS - ageMs)
  says(t, waiting(60_000), { level: 'good' })
  says(t, waiting(1_000_000), { level: 'warning', findings: [{ what: /^Uploads fall behind/, remedy: /flush_interval/ }] })
})

t.test('nothing arrives: when all are silent, and when nobody was heard for five minutes', async t => {
  says(t, status => (status.sources[0]!.silence = { sinceMs: 7, limitMs: 3 }), { level: 'bad', headline: 'Nothing arrives' })
  says(t, status => (status.sources[0]!.lastSeenMs = NOW_MS - 400_000), {
    level: 'bad',
    headline: 'Nothing arrives',
    sinceMs: NOW_MS - 400_000
  })
  says(
    t,
    status => {
      const other = structuredClone(status.sources[0]!)
      status.sources.push({ ...other, name: 'Branch', silence: { sinceMs: 7, limitMs: 3 } })
    },
    {
      level: 'warning',
      headline: /^Data reaches .* one thing needs/,
      findings: [{ what: 'Branch is silent', sinceMs: 7, source: 'Branch' }]
    }
  )
})

t.test('lines that cannot be read, and records that are all dropped, are found', async t => {
  says(
    t,
    status => {
      status.sources[0]!.frames.parsed = 0
      status.sources[0]!.records.parsed = 0
    },
    { level: 'bad', headline: /none can be read/ }
  )
  says(t, status => Object.assign(status.sources[0]!.records, { parsed: 10, written: 0, dropped: 10 }), {
    level: 'warning',
    findings: [{ what: 'All records of HQ-FortiGate are dropped', because: 'internal (10)' }]
  })
})

t.test('a log that changed shape is one thing, however much of it changed', async t => {
  const drift = [
    { what: 'user', usualShare: 0.95, share: 0, sinceMs: 9 },
    { what: 'rejected', usualShare: 0, share: 0.2, sinceMs: 7 },
    { what: 'url', usualShare: 0.6, share: 0.01, sinceMs: 8 }
  ]
  says(t, status => (status.sources[0]!.drift = drift), {
    headline: /one thing needs/,
    findings: [
      {
        what: 'The log of HQ-FortiGate changed shape',
        because: '20 % of its lines are rejected, usually 0 %; records lack user (usually in 95 %), url (usually in 60 %)',
        sinceMs: 7
      }
    ]
  })
})

t.test('what the tenant says of its data sources: those that are missing are one thing, failed files another', async t => {
  const service = { reason: 'it is not there', files: 0, failedFiles: 0 }
  const withSources = (state: 'missing' | 'failing') => (status: PipelineStatus) => {
    delete status.sources[0]!.lastUploadMs
    const second = { ...structuredClone(status.sources[0]!), dataSource: 'Branch' }
    status.sources.push(second)
    for (const source of status.sources) source.service = { ...service, state }
  }
  says(t, withSources('missing'), { findings: [{ what: 'The tenant has no data source for HQ-FortiGate, Branch', remedy: /Create it/ }] })
  says(t, withSources('failing'), { findings: [{ what: /trouble with HQ-FortiGate/ }, { what: /trouble with Branch/ }] })
  says(t, status => (status.upload.lookError = 'it answered 500'), { findings: [{ because: 'it answered 500' }] })
})

t.test('a full spool is told once: nobody is silent while nobody is read, and nothing fills that is full', async t => {
  const status = fineStatus()
  status.spool.full = true
  status.sources[0]!.silence = { sinceMs: 7, limitMs: 3 }
  t.match(
    verdictOf(status, NOW_MS, { timeToFullMs: 0 }).findings.map(({ what }) => what),
    [/^The spool is full/]
  )
})

t.test('a receiver that fetches nothing, and an archive with trouble, need attention', async t => {
  says(t, status => Object.assign(status.receivers[1]!, { reason: 'it answered 403', gauges: { pull_failing: 1 } }), {
    findings: [{ level: 'warning', what: 'Receiver syslog cannot fetch', because: 'it answered 403' }]
  })
  const archive = { troubles: ['the folder is not there', 'the archive has no room'] } as PipelineStatus['archive']
  says(t, status => Object.assign(status, { archive }), {
    findings: [{ what: 'The archive has trouble', because: 'the folder is not there; the archive has no room' }]
  })
})

t.test(
  'a receiver whose senders all fail in the TLS handshake needs attention; with one that comes through the others are strangers',
  async t => {
    const counters = { received_bytes_total: 0, handshake_failed_total: 3, client_certificate_refused_total: 1 }
    const withCounters = (more: object) => (status: PipelineStatus) =>
      Object.assign(status.receivers[1]!, { counters: { ...counters, ...more } })
    says(t, withCounters({}), {
      level: 'warning',
      findings: [{ what: /^No sender of receiver syslog has come through/, because: '4 tried', remedy: /log-level debug/ }]
    })
    says(t, withCounters({ received_bytes_total: 1 }), { level: 'good', findings: [] })
    says(t, withCounters({ handshake_failed_total: 0, client_certificate_refused_total: 0 }), { level: 'good', findings: [] })
  }
)

t.test('state and reasons of the status are the same findings', async t => {
  t.match(judged(fineStatus(), NOW_MS), { state: 'healthy', reasons: [] })
  const status = fineStatus()
  status.upload.pauses = [{ state: 'auth', reason: 'it answered 401', sinceMs: Date.UTC(2026, 0, 2, 3, 4, 5), untilMs: 9 }]
  const { state, reasons } = judged(status, NOW_MS)
  t.equal(state, 'degraded')
  t.same(reasons, ['Uploads fail since 2026-01-02T03:04:05Z: it answered 401'])
  t.same(reasons, verdictOf(status, NOW_MS).findings.map(sentenceOf))
})

t.test('the machine: disk, lanes, listeners, room', async t => {
  says(t, status => (status.spool.writable = false), { level: 'bad', headline: 'Nothing can be stored' })
  says(t, status => (status.lanes[0]!.alive = false), { level: 'bad', headline: 'A lane does not answer' })
  says(t, status => (status.spool.full = true), { level: 'bad', headline: /spool is full/ })
  says(t, status => Object.assign(status.receivers[1]!, { state: 'failed', reason: 'EADDRINUSE' }), {
    level: 'bad',
    headline: /Receiver syslog on 127\.0\.0\.1:5514 does not listen/,
    because: 'EADDRINUSE'
  })
})

t.test('what ends soon, and a configuration that was not taken, need attention', async t => {
  const endsIn = (days: number) => (status: PipelineStatus) => {
    status.receivers[1]!.gauges = { tls_certificate_expiry_timestamp_seconds: (NOW_MS + days * 86_400_000) / 1000 }
  }
  says(t, endsIn(30), { level: 'good' })
  says(t, endsIn(5), { level: 'warning', findings: [{ what: 'The certificate of receiver syslog ends in 5 days' }] })
  says(t, endsIn(-1), { level: 'bad', headline: 'The certificate of receiver syslog has ended' })
  says(t, status => (status.upload.secrets = [{ secret: 'token', endsMs: NOW_MS + 86_400_000 }]), {
    findings: [{ what: /The tenant’s token ends in 24 h/ }]
  })
  says(t, status => Object.assign(status.config, { lastReloadSucceeded: false, messages: ['x.yaml:1:1: bad'] }), {
    level: 'warning',
    findings: [{ what: /not taken/, because: 'x.yaml:1:1: bad' }]
  })
})

t.test('what only the past tells: room that runs out, losses, sums that do not balance for a while', async t => {
  const status = fineStatus()
  t.equal(verdictOf(status, NOW_MS, { timeToFullMs: 5 * 3600_000 }).level, 'good')
  t.match(verdictOf(status, NOW_MS, { timeToFullMs: 3600_000 }).findings, [{ what: /full in 60 min/ }])
  t.match(verdictOf(status, NOW_MS, { lastLossMs: 5 }).findings, [{ what: /lost for lack of room/, sinceMs: 5 }])
  t.equal(verdictOf(status, NOW_MS, { unbalancedSinceMs: NOW_MS - 5000 }).level, 'good')
  t.match(verdictOf(status, NOW_MS, { unbalancedSinceMs: NOW_MS - 60_000 }).findings, [{ what: /do not balance/ }])
})

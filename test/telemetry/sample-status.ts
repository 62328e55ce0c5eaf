/** A status as a pipeline would return it, for tests of whatever shows one. */

import { balanceOf } from '../../src/telemetry/balance.ts'
import { newHistogram, observe } from '../../src/telemetry/histogram.ts'
import type { PipelineStatus, RejectedSample, SourceStatus } from '../../src/telemetry/status.ts'

export function sampleStatus(changes: Partial<PipelineStatus> = {}, fromMs = 1_800_000_000_000): PipelineStatus {
  const syncs = newHistogram()
  observe(syncs, 0.003)
  observe(syncs, 120)
  const calls = newHistogram([0.1, 1])
  observe(calls, 0.25)
  const sources: SourceStatus[] = [
    {
      name: 'HQ-FortiGate',
      dataSource: 'HQ-FortiGate',
      appliance: 'fortinet-fortigate',
      format: 'cef',
      frames: { received: 100, parsed: 90, skipped: 7, malformed: 2, unidentified: 1, shed: 6 },
      outcomes: [
        { outcome: 'parsed', parser: 'fortinet-fortigate', reason: '', count: 90 },
        { outcome: 'skipped', parser: 'fortinet-fortigate', reason: 'not_traffic', count: 7 },
        { outcome: 'malformed', parser: 'fortinet-fortigate', reason: 'bad_time', count: 2 },
        { outcome: 'unidentified', parser: '', reason: 'no_parser', count: 1 }
      ],
      records: { parsed: 90, written: 80, dropped: 10, recovered: 5, uploaded: 60, spooled: 24, setAside: 1, removed: 0, shed: 0 },
      dropped: [{ reason: 'internal', count: 10 }],
      corrections: [{ reason: 'bytes_inconsistent', count: 3 }],
      receivedBytes: 70_000,
      writtenBytes: 24_000,
      attributes: [
        { attribute: 'user', count: 85 },
        { attribute: 'url', count: 0 }
      ],
      drift: [{ what: 'url', usualShare: 0.9, share: 0, sinceMs: fromMs + 2000 }],
      driftsRaised: 1,
      lag: { bounds: [1, 60], counts: [50, 29, 1], sum: 900 },
      clockSkewSeconds: -0.5,
      service: {
        state: 'failing',
        reason: 'the service failed 2 more of our files',
        lastDataReceivedMs: fromMs,
        files: 9,
        failedFiles: 2
      },
      lastSeenMs: fromMs + 5000,
      lastEventMs: fromMs + 3000,
      lastUploadMs: fromMs + 4000
    }
  ]
  const blocks = { outstanding: 1, max: 64, framesInFlight: 4, shedFrames: 6 }
  return {
    version: '0.1.0',
    startedMs: fromMs,
    uptimeMs: 65_000,
    state: 'healthy',
    reasons: [],
    config: { loadedMs: fromMs, lastReloadMs: fromMs, lastReloadSucceeded: true, messages: [] },
    tenant: { kind: 'local', url: 'http://127.0.0.1:9601', dir: '/data/tenant' },
    receivers: [
      {
        name: 'syslog',
        protocol: 'syslog-udp',
        address: '127.0.0.1:5514',
        state: 'listening',
        connections: 0,
        counters: { received_bytes_total: 70_000, received_datagrams_total: 110, odd_thing_total: 2 },
        gauges: { receive_buffer_asked_bytes: 16_777_216, receive_buffer_granted_bytes: 425_984 }
      },
      {
        name: 'syslog',
        protocol: 'syslog-tcp',
        address: '127.0.0.1:5514',
        state: 'paused',
        reason: 'spool full',
        pauses: ['spool_full', 'rate_limit'],
        connections: 3,
        counters: { connections_total: 9 }
      }
    ],
    sources,
    lanes: [{ index: 0, alive: true, frames: 100, bytes: 70_000, busySeconds: 0.5, restarts: 0 }],
    blocks,
    spool: {
      dir: '/data/spool',
      bytes: 4096,
      maxBytes: 8192,
      freeBytes: 1_000_000,
      archivedBytes: 1024,
      highWaterBytes: 7372,
      full: false,
      writable: true,
      segments: { open: 1, closed: 2, issued: 0, stored: 0, finalising: 0, done: 3, 'set-aside': 1 },
      oldestMs: fromMs + 1000,
      list: [
        {
          id: 'a',
          source: 'HQ-FortiGate',
          format: 'cef',
          step: 'closed',
          createdMs: fromMs + 1000,
          bytes: 900,
          rawBytes: 9000,
          records: 24
        }
      ],
      syncs,
      syncErrors: 0,
      damagedSegments: 0,
      unreadSegments: 0,
      unrecoveredSegments: 0,
      unrecoveredBytes: 0
    },
    upload: {
      failing: false,
      pauses: [],
      uploadedFiles: 3,
      uploadedBytes: 6000,
      uploadedRawBytes: 18_000,
      inFlight: 1,
      setAsideFiles: 1,
      splitFiles: 3,
      ambiguousFinalises: 2,
      requestsPerMinute: 20,
      requestsLeft: 7,
      secrets: [{ secret: 'client_secret', endsMs: fromMs + 100_000_000_000 }],
      lastLookMs: fromMs + 3000,
      attempts: [{ step: 'put', result: 'ok', count: 3 }],
      durations: [{ step: 'put', histogram: calls }],
      recent: [
        {
          id: '20270115080000-1',
          source: 'HQ-FortiGate',
          outcome: 'done',
          reason: '',
          bytes: 6000,
          rawBytes: 18_000,
          records: 60,
          finishedMs: fromMs + 4000,
          durationMs: 2100
        }
      ],
      underWay: [],
      waiting: 2,
      flushIntervalMs: 2000
    },
    balance: balanceOf(sources, blocks, 110, 0),
    ...changes
  }
}

/** The same with nothing to complain of. */
export function fineStatus(fromMs?: number): PipelineStatus {
  const status = sampleStatus({}, fromMs)
  const source = status.sources[0]!
  source.drift = []
  source.records.setAside = 0
  delete source.service
  status.balance.delivery.setAside = 0
  status.upload.secrets = []
  status.receivers = status.receivers.map(receiver => ({ ...receiver, state: 'listening' as const }))
  return status
}

/** Frames that gave no record; one holds what would color a terminal. */
export const SAMPLES: RejectedSample[] = [
  {
    atMs: 1_800_000_001_000,
    source: 'HQ-FortiGate',
    outcome: 'malformed',
    parser: 'fortinet-fortigate',
    reason: 'bad_time',
    text: '<189>date=?'
  },
  { atMs: 1_800_000_002_000, source: '(none)', outcome: 'unidentified', parser: '', reason: 'unidentified', text: 'hello\u001b[31m' }
]

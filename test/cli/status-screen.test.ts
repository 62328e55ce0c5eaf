import { PassThrough } from 'node:stream'
import t from 'tap'
import { paintFor } from '../../src/cli/paint.ts'
import { statusScreen } from '../../src/cli/status-screen.ts'
import type { PipelineStatus } from '../../src/telemetry/status.ts'
import { verdictOf } from '../../src/telemetry/verdict.ts'
import { fineStatus } from '../telemetry/sample-status.ts'

const NOW_MS = 1_800_000_010_000

const screenOf = (status: PipelineStatus): string =>
  statusScreen(status, verdictOf(status, NOW_MS), NOW_MS, paintFor({ stdout: new PassThrough(), env: {} } as never))

t.test('whatever was lost stands in the row of its source, and what was shed behind the balance', async t => {
  const status = fineStatus()
  const [source] = status.sources
  Object.assign(source!.frames, { skipped: 0, malformed: 1, unidentified: 0, shed: 2 })
  Object.assign(source!.records, { shed: 30, setAside: 4, removed: 5 })
  source!.dropped = [{ reason: 'internal', count: 6 }]
  status.balance.frames.shed = 0
  t.match(screenOf(status), /^Balance {2}every frame and record is accounted for$/m)
  status.balance.frames.shed = 2
  t.match(screenOf(status), /^HQ-FortiGate .* 1 malformed, 6 internal, 32 shed, 4 set aside, 5 removed$/m)
  t.match(screenOf(status), /^Balance .*, 2 frames shed for lack of room$/m)
  status.balance.delivery.shed = 30
  t.match(screenOf(status), /^Balance .*, 2 frames and 30 records shed for lack of room$/m)
})

t.test('the line of the spool says what could not be recovered only when there is something', async t => {
  const screen = (segments: number): string => {
    const status = fineStatus()
    Object.assign(status.spool, { unrecoveredSegments: segments, unrecoveredBytes: segments * 1024 * 1024 })
    return screenOf(status)
  }
  t.notMatch(screen(0), /recovered/)
  t.match(screen(3), /^Spool .* set aside, 3 not recovered \(3 ?MiB\)$/m)
  t.match(screen(3), /! 3 segments of the spool could not be recovered at the start\n.*in no count\n.*then restart/)
})

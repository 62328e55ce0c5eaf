import { PassThrough } from 'node:stream'
import t from 'tap'
import { paintFor } from '../../src/cli/paint.ts'
import { statusScreen } from '../../src/cli/status-screen.ts'
import { verdictOf } from '../../src/telemetry/verdict.ts'
import { fineStatus } from '../telemetry/sample-status.ts'

const NOW_MS = 1_800_000_010_000

t.test('the line of the spool says what could not be recovered only when there is something', async t => {
  const screen = (segments: number): string => {
    const status = fineStatus()
    Object.assign(status.spool, { unrecoveredSegments: segments, unrecoveredBytes: segments * 1024 * 1024 })
    return statusScreen(status, verdictOf(status, NOW_MS), NOW_MS, paintFor({ stdout: new PassThrough(), env: {} } as never))
  }
  t.notMatch(screen(0), /recovered/)
  t.match(screen(3), /^Spool .* set aside, 3 not recovered \(3 ?MiB\)$/m)
  t.match(screen(3), /! 3 segments of the spool could not be recovered at the start\n.*in no count\n.*then restart/)
})

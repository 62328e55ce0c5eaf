/** An AdminSource without a pipeline. */
import type { AdminSource } from '../../src/admin/source.ts'
import { CollectorError } from '../../src/errors.ts'
import { healthOf, readinessOf } from '../../src/telemetry/readiness.ts'
import { createMetrics } from '../../src/telemetry/registry.ts'
import type { PipelineStatus } from '../../src/telemetry/status.ts'
import { SAMPLES, sampleStatus } from '../telemetry/sample-status.ts'

export interface FakeSource extends AdminSource {
  current: PipelineStatus
  reloads: number
  reloadOk: boolean
  /** Segments that were asked to be uploaded again; ids that begin with 0000 are not there, with 1111 damaged. */
  replayed: string[]
}

export function fakeSource(): FakeSource {
  const metrics = createMetrics(() => source.current)
  const source: FakeSource = {
    current: sampleStatus({}, Date.now() + 86_400_000), // ahead, so that nothing in it is old for who looks at the clock
    reloads: 0,
    reloadOk: true,
    logLevel: 'info',
    status: () => source.current,
    health: () => healthOf(source.current),
    ready: () => readinessOf(source.current),
    samples: () => SAMPLES,
    watch: () => () => undefined,
    recentLog: () => '{"level":"info","msg":"one"}\n',
    metrics: async () => ({ contentType: metrics.contentType, text: await metrics.scrape() }),
    replayed: [],
    async replay(id) {
      if (id.startsWith('0000')) throw new CollectorError('SPOOL_IO', `Cannot find segment ${id}`)
      if (id.startsWith('1111')) throw new CollectorError('SEGMENT_DAMAGED', `Cannot upload segment ${id} again: piece 1 of 1 is damaged`)
      source.replayed.push(id)
    },
    async reload() {
      source.reloads++
      return { ok: source.reloadOk, messages: source.reloadOk ? [] : ['x.yaml:1:1: a: unknown key "a"'] }
    }
  }
  return source
}

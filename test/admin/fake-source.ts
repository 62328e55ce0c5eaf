/** An AdminSource without a pipeline. */
import type { AdminSource } from '../../src/admin/source.ts'
import { createMetrics } from '../../src/telemetry/registry.ts'
import { healthOf, type PipelineStatus, readinessOf } from '../../src/telemetry/status.ts'
import { SAMPLES, sampleStatus } from '../telemetry/sample-status.ts'

export interface FakeSource extends AdminSource {
  current: PipelineStatus
  reloads: number
  reloadOk: boolean
}

export function fakeSource(): FakeSource {
  const metrics = createMetrics(() => source.current)
  const source: FakeSource = {
    current: sampleStatus(),
    reloads: 0,
    reloadOk: true,
    logLevel: 'info',
    status: () => source.current,
    health: () => healthOf(source.current),
    ready: () => readinessOf(source.current),
    samples: () => SAMPLES,
    metrics: async () => ({ contentType: metrics.contentType, text: await metrics.scrape() }),
    async reload() {
      source.reloads++
      return { ok: source.reloadOk, messages: source.reloadOk ? [] : ['x.yaml:1:1: a: unknown key "a"'] }
    }
  }
  return source
}

/**
 * prom-client over the catalogue: at each scrape one snapshot of the pipeline is taken and turned into samples. Nothing on the
 * line path knows the metrics library.
 */
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client'
import { CATALOGUE, type MetricEntry, type MetricName, PREFIX } from './catalogue.ts'
import { Samples } from './samples.ts'
import type { PipelineStatus } from './status.ts'

export interface Metrics {
  readonly contentType: string
  /** The exposition text of the moment. */
  scrape(): Promise<string>
}

/** Metrics of the pipeline and, unless `withProcess` is false, of the Node process. */
export function createMetrics(status: () => PipelineStatus, options: { withProcess?: boolean } = {}): Metrics {
  const registry = new Registry()
  let samples = new Samples()
  for (const [name, entry] of Object.entries(CATALOGUE)) registry.registerMetric(asMetric(name as MetricName, entry, () => samples))
  if (options.withProcess !== false) collectDefaultMetrics({ register: registry })
  return {
    contentType: registry.contentType,
    async scrape() {
      samples = new Samples()
      samples.take(status())
      return registry.metrics()
    }
  }
}

/** What the registry needs of a metric: `get` with the samples of now. prom-client's own classes only count by themselves. */
function asMetric(name: MetricName, entry: MetricEntry, samples: () => Samples): Metric {
  const metric = {
    name: PREFIX + name,
    help: entry.help,
    get: async () => ({ name: PREFIX + name, help: entry.help, type: entry.type, values: samples().of(name), aggregator: 'sum' }),
    reset: () => undefined
  }
  return metric as unknown as Metric
}

/** What Prometheus's own checker says of our names, types and helps. Needs promtool of Debian's `prometheus`. */
import t from 'tap'
import { createMetrics } from '../../src/telemetry/registry.ts'
import { promtool } from '../observability/promtool.ts'
import { sampleStatus } from './sample-status.ts'

t.test('promtool finds nothing to complain about in our metrics', async t => {
  const text = await createMetrics(() => sampleStatus(), { withProcess: false }).scrape()
  t.same(promtool(['check', 'metrics'], text), { code: 0, output: '' })
})

t.test('promtool is asked in earnest: it complains about a counter without _total', async t => {
  const { code, output } = promtool(['check', 'metrics'], '# HELP sluice_odd Odd.\n# TYPE sluice_odd counter\nsluice_odd 1\n')
  t.equal(code, 3)
  t.match(output, /sluice_odd counter metrics should have "_total" suffix/)
})

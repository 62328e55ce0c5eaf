/** The dashboards under config/grafana/ by themselves; dashboards-live.test.ts asks a Prometheus for what they show. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parser } from '@prometheus-io/lezer-promql'
import t from 'tap'
import { DASHBOARDS } from '../../config/grafana/build.ts'
import { packageRoot } from '../../src/lib/package-root.ts'
import { CATALOGUE, PREFIX } from '../../src/telemetry/catalogue.ts'
import { anchorsOf } from './anchors.ts'
import { DASHBOARD_DIR, dashboards, panelsOf, substitute } from './dashboard.ts'

t.test('the committed files are what the code builds', async t => {
  t.same(readdirSync(DASHBOARD_DIR).sort(), Object.keys(DASHBOARDS).sort())
  for (const [name, text] of Object.entries(DASHBOARDS))
    t.equal(readFileSync(join(DASHBOARD_DIR, name), 'utf8'), text(), `config/grafana/dashboards/${name}: run npm run docs`)
})

/** Nodes of an expression that the grammar does not know. */
function faultsOf(expr: string): string[] {
  const faults: string[] = []
  parser.parse(expr).iterate({
    enter: node => {
      if (node.type.isError) faults.push(`at ${node.from}: ${expr.slice(Math.max(0, node.from - 20), node.to + 20)}`)
    }
  })
  return faults
}

t.test('the grammar of PromQL finds faults where there are some', async t => {
  t.same(faultsOf('sum(up)'), [])
  t.not(faultsOf('sum(up').length, 0)
  t.not(faultsOf('rate(up[$__rate_interval])').length, 0, 'a variable that is not replaced')
})

const known = new Set([
  ...Object.keys(CATALOGUE).map(name => PREFIX + name),
  ...Object.entries(CATALOGUE).flatMap(([name, { type }]) => (type === 'histogram' ? [`${PREFIX}${name}_bucket`] : [])),
  ...[...readFileSync(join(packageRoot(), 'config/prometheus/sluice-recording.yml'), 'utf8').matchAll(/record: (\S+)/g)].map(
    ([, name]) => name!
  )
])

for (const dashboard of dashboards()) {
  const panels = panelsOf(dashboard)

  t.test(`${dashboard.title}: every query is PromQL and names metrics that there are`, async t => {
    t.ok(panels.length > 40)
    for (const { title, targets = [] } of panels) {
      t.ok(targets.length > 0, `${title} asks something`)
      for (const { expr } of targets) {
        t.same(faultsOf(substitute(expr)), [], title)
        for (const [name] of expr.matchAll(/\bsluice[_:][a-z0-9_:]+/g)) t.ok(known.has(name), `${title} names ${name}`)
        t.match(expr, /instance=~"\$instance"/, `${title} heeds the choice of instances`)
      }
    }
  })

  t.test(`${dashboard.title}: every panel says what to do, and its runbooks exist`, async t => {
    const anchors = anchorsOf(readFileSync(join(packageRoot(), 'docs/operations.md'), 'utf8'))
    for (const { title, description = '' } of panels) {
      t.ok(description.length > 40, title)
      for (const [, anchor] of description.matchAll(/docs\/operations\.md#([a-z0-9-]+)/g))
        t.ok(anchors.has(anchor!), `${title}: #${anchor}`)
    }
  })

  t.test(`${dashboard.title}: panels fill the grid and do not overlap`, async t => {
    const taken = new Map<string, string>()
    for (const { title, gridPos } of dashboard.panels) {
      t.ok(gridPos.x + gridPos.w <= 24, `${title} ends within 24 columns`)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          if (taken.has(`${x} ${y}`)) t.fail(`${title} lies on ${taken.get(`${x} ${y}`)}`)
          taken.set(`${x} ${y}`, title)
        }
    }
    const rows = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h))
    t.equal(taken.size, 24 * rows, 'no hole')
    t.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length, 'ids differ')
  })

  t.test(`${dashboard.title}: what matters comes first, and the choices are offered`, async t => {
    t.same(
      dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title),
      ['Is data reaching Defender?', 'Loss', 'Receive', 'Parse', 'Spool', 'Upload', 'Archive', 'Process']
    )
    t.same(
      dashboard.templating.list.map(({ name }) => name),
      ['datasource', 'instance', 'source', 'receiver']
    )
  })
}

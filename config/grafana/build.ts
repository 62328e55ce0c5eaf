/** Builds the dashboards and writes them under dashboards/: `node config/grafana/build.ts`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import { buildPanel, DATASOURCE, type Row } from './panel.ts'
import { ARCHIVE } from './rows/archive.ts'
import { LOSS } from './rows/loss.ts'
import { PARSE } from './rows/parse.ts'
import { PROCESS } from './rows/process.ts'
import { REACHING } from './rows/reaching.ts'
import { RECEIVE } from './rows/receive.ts'
import { SPOOL } from './rows/spool.ts'
import { UPLOAD } from './rows/upload.ts'

export const ROWS: readonly Row[] = [REACHING, LOSS, RECEIVE, PARSE, SPOOL, UPLOAD, ARCHIVE, PROCESS]
export const DASHBOARDS_DIR = join(import.meta.dirname, 'dashboards')

/** Values of a label, several at a time, all by default. */
const choice = (name: string, query: string): dashboard.QueryVariableBuilder =>
  new dashboard.QueryVariableBuilder(name)
    .label(name)
    .datasource(DATASOURCE)
    .query(query)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ selected: true, text: 'All', value: '$__all' })

function buildSluice(): dashboard.Dashboard {
  const built = new dashboard.DashboardBuilder('Sluice')
    .uid('sluice')
    .description('From the lines of the appliances to the tenant: each panel says behind its (i) what to do.')
    .tags(['sluice'])
    .refresh('30s')
    .time({ from: 'now-3h', to: 'now' })
    .timezone('browser')
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .withVariable(new dashboard.DatasourceVariableBuilder('datasource').label('data source').type('prometheus'))
    .withVariable(choice('instance', 'label_values(sluice_build_info, instance)'))
    .withVariable(choice('source', 'label_values(sluice_source_received_frames_total{instance=~"$instance"}, source)'))
    .withVariable(choice('receiver', 'label_values(sluice_receiver_up{instance=~"$instance"}, receiver)'))
  let id = 1
  for (const { title, panels } of ROWS) {
    built.withRow(new dashboard.RowBuilder(title).id(id++))
    for (const panel of panels) built.withPanel(buildPanel(panel, id++))
  }
  return built.build()
}

/** The files of dashboards/, by name. */
export const DASHBOARDS: Readonly<Record<string, () => string>> = {
  'sluice.json': () => `${JSON.stringify(buildSluice(), null, 2)}\n`
}

if (import.meta.main) for (const [name, text] of Object.entries(DASHBOARDS)) writeFileSync(join(DASHBOARDS_DIR, name), text())

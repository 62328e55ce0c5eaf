/** The dashboards as Grafana would read them, and the values it would put in for the variables. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/lib/package-root.ts'

export interface Panel {
  id: number
  type: string
  title: string
  description?: string
  gridPos: { x: number; y: number; w: number; h: number }
  targets?: { refId: string; expr: string; legendFormat: string; instant?: boolean }[]
  fieldConfig?: {
    defaults: { unit?: string; mappings?: { options: Record<string, { text: string; color: string }> }[]; thresholds?: Thresholds }
    overrides?: { matcher: { options: string }; properties: { id: string; value: unknown }[] }[]
  }
}
export interface Thresholds {
  steps: { value: number | null; color: string }[]
}
export interface Dashboard {
  title: string
  uid: string
  panels: Panel[]
  templating: { list: { name: string; type: string; query: string; allValue?: string }[] }
}

export const DASHBOARD_DIR = join(packageRoot(), 'config/grafana/dashboards')

export const dashboards = (): Dashboard[] =>
  readdirSync(DASHBOARD_DIR)
    .filter(name => name.endsWith('.json'))
    .map(name => JSON.parse(readFileSync(join(DASHBOARD_DIR, name), 'utf8')) as Dashboard)

/** Panels with queries; rows have none. */
export const panelsOf = (dashboard: Dashboard): Panel[] => dashboard.panels.filter(({ type }) => type !== 'row')

/** With everything selected, and the range of rates that Grafana would take for a scrape each second. */
export const substitute = (expr: string): string =>
  expr
    .replaceAll('$__rate_interval', '5s')
    .replaceAll('$__range', '1m')
    .replace(/\$(?:instance|source|receiver)\b/g, '.*')

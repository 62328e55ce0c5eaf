/**
 * Draws a dashboard's panels, where Grafana would put them, with the data that Prometheus has for them: Grafana itself is not
 * needed to judge layout, titles and whether a panel says something.
 */
import { type Dashboard, type Panel, substitute, type Thresholds } from './dashboard.ts'
import type { Prometheus, Sample } from './prometheus.ts'

const CELL = { width: 60, height: 32 }
const COLORS = ['#7eb26d', '#eab839', '#6ed0e0', '#ef843c', '#e24d42', '#1f78c1', '#ba43a9', '#705da0', '#508642']
const NAMED: Readonly<Record<string, string>> = { green: '#73bf69', yellow: '#fade2a', red: '#f2495c', text: '#ccccdc', blue: '#5794f2' }

export interface Span {
  fromMs: number
  toMs: number
}

/** One HTML page, without script, of the whole dashboard. */
export async function drawDashboard(dashboard: Dashboard, prometheus: Prometheus, span: Span): Promise<string> {
  const drawn = await Promise.all(dashboard.panels.map(panel => drawPanel(panel, prometheus, span)))
  const rows = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h))
  return `<!doctype html><meta charset="utf-8"><title>${escapeText(dashboard.title)}</title><style>
    body { margin: 8px; background: #111217; color: #ccccdc; font: 12px sans-serif }
    main { position: relative; width: ${24 * CELL.width}px; height: ${rows * CELL.height}px }
    section, h2 { position: absolute; box-sizing: border-box; margin: 0; overflow: hidden }
    section { background: #181b1f; border: 1px solid #2c3235; border-radius: 2px; padding: 4px 8px }
    h2 { font-size: 15px; padding: 6px 2px }
    h3 { margin: 0 0 4px; font-size: 12px; font-weight: 600; white-space: nowrap }
    .stat { display: flex; justify-content: space-around; align-items: center; height: calc(100% - 22px); font-size: 30px }
    .stat small { display: block; font-size: 11px; color: #8e8e9a }
    .legend { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; color: #8e8e9a }
    table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: 2px 6px; border-bottom: 1px solid #2c3235 }
  </style><main>${drawn.join('')}</main>`
}

async function drawPanel(panel: Panel, prometheus: Prometheus, span: Span): Promise<string> {
  const { x, y, w, h } = panel.gridPos
  const place = `left:${x * CELL.width}px;top:${y * CELL.height}px;width:${w * CELL.width - 4}px;height:${h * CELL.height - 4}px`
  if (panel.type === 'row') return `<h2 style="${place}">${escapeText(panel.title)}</h2>`
  const body =
    panel.type === 'table'
      ? await drawTable(panel, prometheus)
      : panel.type === 'stat'
        ? await drawStat(panel, prometheus)
        : await drawLines(panel, prometheus, span)
  return `<section style="${place}" title="${escapeText(panel.description ?? '')}"><h3>${escapeText(panel.title)}</h3>${body}</section>`
}

async function drawStat(panel: Panel, prometheus: Prometheus): Promise<string> {
  const results = await Promise.all(
    (panel.targets ?? []).map(async ({ expr, legendFormat }) =>
      (await prometheus.query(substitute(expr))).map(sample => ({ name: legendOf(legendFormat, sample), value: Number(sample.value![1]) }))
    )
  )
  const values = results.flat()
  const shown = values.map(({ name, value }) => {
    const { text, color } = wordOf(panel, value)
    const label = values.length > 1 || panel.title.includes('by ') ? `<small>${escapeText(name)}</small>` : ''
    return `<span style="color:${color}">${escapeText(text)}${label}</span>`
  })
  return `<div class="stat">${shown.join('') || '<span>none</span>'}</div>`
}

async function drawTable(panel: Panel, prometheus: Prometheus): Promise<string> {
  const columns = await Promise.all(
    (panel.targets ?? []).map(async ({ expr, legendFormat }) => ({
      name: legendFormat,
      cells: new Map((await prometheus.query(substitute(expr))).map(({ metric, value }) => [metric.source ?? '', Number(value![1])]))
    }))
  )
  const sources = [...new Set(columns.flatMap(({ cells }) => [...cells.keys()]))].sort()
  const head = ['source', ...columns.map(({ name }) => name)].map(name => `<th>${escapeText(name)}</th>`).join('')
  const rows = sources.map(source => {
    const cells = columns.map(({ name, cells }) => {
      const value = cells.get(source)
      if (value === undefined) return '<td></td>'
      const { text, color } = wordOf(columnOf(panel, name), value)
      return `<td style="color:${color}">${escapeText(text)}</td>`
    })
    return `<tr><td>${escapeText(source)}</td>${cells.join('')}</tr>`
  })
  return `<table><tr>${head}</tr>${rows.join('')}</table>`
}

async function drawLines(panel: Panel, prometheus: Prometheus, { fromMs, toMs }: Span): Promise<string> {
  const results = await Promise.all(
    (panel.targets ?? []).map(async ({ expr, legendFormat }) =>
      (await prometheus.queryRange(substitute(expr), fromMs, toMs, 1)).map(sample => ({ name: legendOf(legendFormat, sample), sample }))
    )
  )
  const series = results.flat()
  const width = panel.gridPos.w * CELL.width - 22
  const height = panel.gridPos.h * CELL.height - 64
  const values = series.flatMap(({ sample }) => (sample.values ?? []).map(([, value]) => Number(value))).filter(Number.isFinite)
  const least = Math.min(0, ...values)
  const most = Math.max(...values, least + 1e-9)
  const at = ([time, value]: [number, string]): string => {
    const left = ((time * 1000 - fromMs) / (toMs - fromMs)) * width
    return `${left.toFixed(1)},${(height - ((Number(value) - least) / (most - least)) * (height - 4)).toFixed(1)}`
  }
  const lines = series.map(({ sample }, index) => {
    const points = (sample.values ?? []).filter(([, value]) => Number.isFinite(Number(value))).map(at)
    return `<polyline fill="none" stroke="${COLORS[index % COLORS.length]}" points="${points.join(' ')}"/>`
  })
  const unit = panel.fieldConfig?.defaults.unit ?? 'short'
  const legend = series.map(({ name }, index) => `<span style="color:${COLORS[index % COLORS.length]}">▬</span> ${escapeText(name)}`)
  return `<div class="legend">${format(least, unit)} … ${format(most, unit)}</div><svg width="${width}" height="${height}">${lines.join('')}</svg><div class="legend">${legend.join(' &nbsp; ')}</div>`
}

/** The panel with the settings that an override gives a column. */
function columnOf(panel: Panel, name: string): Panel {
  const override = panel.fieldConfig?.overrides?.find(({ matcher }) => matcher.options === name)
  const settings = Object.fromEntries((override?.properties ?? []).map(({ id, value }) => [id, value]))
  return { ...panel, fieldConfig: { defaults: { ...panel.fieldConfig?.defaults, ...settings } } }
}

function wordOf(panel: Panel, value: number): { text: string; color: string } {
  const { unit = 'short', mappings = [], thresholds } = panel.fieldConfig?.defaults ?? {}
  const word = mappings.map(({ options }) => options[String(value)]).find(found => found !== undefined)
  if (word !== undefined) return { text: word.text, color: NAMED[word.color]! }
  return { text: format(value, unit), color: NAMED[colorOf(thresholds, value)] ?? NAMED.text! }
}

const colorOf = (thresholds: Thresholds | undefined, value: number): string =>
  thresholds?.steps.findLast(step => step.value === null || value >= step.value)?.color ?? 'text'

const legendOf = (format: string, { metric }: Sample): string => format.replace(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? '')

function format(value: number, unit: string): string {
  if (unit === 'percentunit') return `${(100 * value).toFixed(1)} %`
  if (unit === 's') return Math.abs(value) > 2 * 86_400 ? `${(value / 86_400).toFixed(0)} d` : `${value.toPrecision(3)} s`
  const suffix = unit === 'Bps' ? ' B/s' : unit === 'bytes' ? ' B' : ''
  const [scaled, letter] =
    Math.abs(value) >= 1e9
      ? [value / 1e9, 'G']
      : Math.abs(value) >= 1e6
        ? [value / 1e6, 'M']
        : Math.abs(value) >= 1e3
          ? [value / 1e3, 'k']
          : [value, '']
  return `${Number(scaled.toFixed(2))}${letter}${suffix}`
}

const escapeText = (text: string): string =>
  text.replace(/[&<>"]/g, character => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character]!)

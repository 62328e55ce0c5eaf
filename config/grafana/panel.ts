/** What a panel of ours is made of, and the panel of Grafana that is made of it. */
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'
import * as common from '@grafana/grafana-foundation-sdk/common'
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as LinesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'

export interface Query {
  expr: string
  /** Name of the series; of the column in a table. */
  legend: string
}

interface CommonParts {
  title: string
  /** Shown behind the panel's (i): what it is, and what to do when it looks bad. */
  does: string
  queries: readonly Query[]
  /** Of Grafana: `s`, `bytes`, `percentunit`, `short`, `ops`, `dtdurations`. */
  unit: string
  /** Of 24 columns. */
  width: number
  /** Color from a value on; the first has no value. */
  steps?: readonly (readonly [from: number | null, color: Color])[]
  /** Words for values. */
  words?: Readonly<Record<string, readonly [text: string, color: Color]>>
}

export interface StatPanel extends CommonParts {
  kind: 'stat'
}

export interface LinesPanel extends CommonParts {
  kind: 'lines'
  stacked?: boolean
  max?: number
  /** Lets the axis go below 0. */
  signed?: boolean
}

/** One row per value of `by`, one column per query. */
export interface TablePanel extends CommonParts {
  kind: 'table'
  by: string
  /** Units, colors and words of columns that differ from the panel's, by legend. */
  columns: Readonly<Record<string, Pick<CommonParts, 'steps' | 'words'> & { unit?: string }>>
}

export type PanelParts = StatPanel | LinesPanel | TablePanel
export type Color = 'green' | 'yellow' | 'orange' | 'red' | 'blue' | 'text'

export interface Row {
  title: string
  panels: readonly PanelParts[]
}

/** Selectors that every query carries. */
export const IN = 'instance=~"$instance"'
export const OF_SOURCE = `${IN},source=~"$source"`
export const OF_RECEIVER = `${IN},receiver=~"$receiver"`
/** Range of rates: Grafana's own choice, never shorter than four scrapes. */
export const EVERY = '[$__rate_interval]'

export const DATASOURCE = { type: 'prometheus', uid: '$datasource' }
/** Rows of the grid, by kind. */
const HEIGHT = { stat: 4, lines: 8, table: 8 } as const

export function buildPanel(parts: PanelParts, id: number): Builder<dashboard.Panel> {
  switch (parts.kind) {
    case 'stat':
      return buildStat(parts, id)
    case 'lines':
      return buildLines(parts, id)
    case 'table':
      return buildTable(parts, id)
  }
}

function buildStat(parts: StatPanel, id: number): Builder<dashboard.Panel> {
  const panel = withCommon(new StatBuilder(), parts, id)
    .graphMode(common.BigValueGraphMode.Area)
    .colorMode(common.BigValueColorMode.Value)
    .justifyMode(common.BigValueJustifyMode.Center)
    .textMode(parts.queries.length > 1 ? common.BigValueTextMode.ValueAndName : common.BigValueTextMode.Value)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']))
  for (const target of targets(parts)) panel.withTarget(target)
  return panel
}

function buildLines(parts: LinesPanel, id: number): Builder<dashboard.Panel> {
  const panel = withCommon(new LinesBuilder(), parts, id)
    .fillOpacity(parts.stacked ? 30 : 8)
    .lineWidth(1)
    .showPoints(common.VisibilityMode.Never)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(['lastNotNull'])
    )
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending))
  if (!parts.signed) panel.min(0)
  if (parts.max !== undefined) panel.max(parts.max)
  if (parts.stacked) panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A'))
  if (parts.steps === undefined) panel.colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.PaletteClassicByName))
  else panel.thresholdsStyle(new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed))
  for (const target of targets(parts)) panel.withTarget(target)
  return panel
}

function buildTable(parts: TablePanel, id: number): Builder<dashboard.Panel> {
  const panel = withCommon(new TableBuilder(), parts, id)
  for (const target of targets(parts)) panel.withTarget(target.instant().format(PromQueryFormat.Table))
  const names = parts.queries.map(({ legend }, index) => [`Value #${refId(index)}`, legend] as const)
  panel.withTransformation({ id: 'merge', options: {} }).withTransformation({
    id: 'organize',
    options: {
      excludeByName: { Time: true },
      indexByName: Object.fromEntries([parts.by, ...names.map(([name]) => name)].map((name, index) => [name, index])),
      renameByName: Object.fromEntries(names)
    }
  })
  for (const [legend, { unit, steps, words }] of Object.entries(parts.columns)) {
    panel.overrideByName(legend, [
      ...(unit === undefined ? [] : [{ id: 'unit', value: unit }]),
      ...(steps === undefined ? [] : [{ id: 'thresholds', value: thresholds(steps).build() }]),
      ...(words === undefined ? [] : [{ id: 'mappings', value: mappings(words) }]),
      ...(steps === undefined && words === undefined ? [] : [{ id: 'custom.cellOptions', value: { type: 'color-text' } }])
    ])
  }
  return panel
}

/** What all kinds have in common, as far as we use it. */
interface CommonBuilder {
  id(id: number): this
  title(title: string): this
  description(description: string): this
  datasource(datasource: common.DataSourceRef): this
  gridPos(position: dashboard.GridPos): this
  unit(unit: string): this
  noValue(text: string): this
  thresholds(thresholds: Builder<dashboard.ThresholdsConfig>): this
  mappings(mappings: dashboard.ValueMapping[]): this
}

function withCommon<Panel extends CommonBuilder>(panel: Panel, parts: PanelParts, id: number): Panel {
  const { title, does, unit, width, kind, steps, words } = parts
  panel.id(id).title(title).description(does).datasource(DATASOURCE).gridPos({ x: 0, y: 0, w: width, h: HEIGHT[kind] }).unit(unit)
  panel.noValue('none')
  panel.thresholds(thresholds(steps ?? [[null, 'text']]))
  if (words !== undefined) panel.mappings(mappings(words))
  return panel
}

const thresholds = (steps: NonNullable<CommonParts['steps']>): dashboard.ThresholdsConfigBuilder =>
  new dashboard.ThresholdsConfigBuilder().mode(dashboard.ThresholdsMode.Absolute).steps(steps.map(([value, color]) => ({ value, color })))

const mappings = (words: NonNullable<CommonParts['words']>): dashboard.ValueMapping[] => [
  {
    type: dashboard.MappingType.ValueToText,
    options: Object.fromEntries(Object.entries(words).map(([value, [text, color]], index) => [value, { text, color, index }]))
  }
]

const refId = (index: number): string => String.fromCharCode(65 + index)

function targets({ queries }: PanelParts): (DataqueryBuilder & Builder<Dataquery>)[] {
  return queries.map(({ expr, legend }, index) =>
    new DataqueryBuilder().refId(refId(index)).datasource(DATASOURCE).expr(expr).legendFormat(legend).range()
  )
}

/** A table that becomes a list of cards where it is narrow: each cell then carries the name of its column. */
import type { VNode } from 'preact'
import { html } from './html.ts'

interface TableProps {
  caption: string
  head: readonly string[]
  /** Columns that hold numbers. */
  numeric?: readonly number[]
  /** Columns whose text is not broken. */
  whole?: readonly number[]
  rows: readonly { key: string; cells: readonly unknown[]; below?: unknown }[]
  empty: string
}

export function Table({ caption, head, numeric = [], whole = [], rows, empty }: TableProps): VNode {
  if (rows.length === 0) return html`<p class="about">${empty}</p>`
  const align = (column: number): string => (numeric.includes(column) ? 'n' : whole.includes(column) ? 'whole' : '')
  return html`<table role="table">
    <caption class="heard">${caption}</caption>
    <thead role="rowgroup"><tr role="row">${head.map((title, column) => html`<th role="columnheader" scope="col" class=${align(column)}>${title}</th>`)}</tr></thead>
    ${rows.map(
      ({ key, cells, below }) => html`<tbody role="rowgroup" key=${key}>
        <tr role="row">${cells.map((cell, column) => html`<td role="cell" class=${align(column)} data-name=${head[column]}>${cell}</td>`)}</tr>
        ${below && html`<tr role="row" class="below"><td role="cell" colspan=${head.length}>${below}</td></tr>`}
      </tbody>`
    )}
  </table>`
}

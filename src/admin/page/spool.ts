/** The buffer between lines and uploads: how full, how long it lasts, what waits since when. */
import type { VNode } from 'preact'
import { Chart } from './chart.ts'
import { duration, files, number, percent, size } from './format.ts'
import { html } from './html.ts'
import { Badge } from './icons.ts'
import { nowOf, type PageState } from './state.ts'

export function Spool({ state }: { state: PageState }): VNode {
  const { status, timeToFullMs } = state.overview!
  const { spool } = status
  const nowMs = nowOf(state)
  const backlog = Math.max(0, spool.bytes - spool.archivedBytes)
  const waiting = spool.segments.closed + spool.segments.issued + spool.segments.stored + spool.segments.finalising
  return html`<section class="card" aria-labelledby="spool">
    <h2 id="spool">Spool</h2>
    <p class="big"><b>${size(backlog)}</b> of ${size(spool.maxBytes)} <${SpoolBadge} state=${state} /></p>
    <${Level} backlog=${backlog} archived=${spool.archivedBytes} highWater=${spool.highWaterBytes} max=${spool.maxBytes} />
    <dl class="facts">
      <div><dt>Time to full</dt><dd>${spool.full ? 'it is full' : timeToFullMs === undefined ? 'it does not fill' : duration(timeToFullMs)}</dd></div>
      <div><dt>Files</dt><dd>${number(spool.segments.open)} being filled, ${number(waiting)} waiting${spool.segments['set-aside'] > 0 && `, ${number(spool.segments['set-aside'])} set aside`}</dd></div>
      <div><dt>Oldest of them</dt><dd>${spool.oldestMs === undefined ? 'none' : duration(nowMs - spool.oldestMs)}</dd></div>
      <div><dt>Free on the disk</dt><dd>${size(spool.freeBytes)}</dd></div>
      <div><dt>Kept after the upload</dt><dd>${files(spool.segments.done)}, ${size(spool.archivedBytes)}</dd></div>
    </dl>
    <${Chart}
      times=${state.history.map(({ atMs }) => atMs)}
      lines=${[{ label: 'waiting bytes', color: 'flow', isFilled: true, values: state.history.map(({ backlogBytes }) => backlogBytes) }]}
      nowMs=${nowMs}
      text="Bytes that wait in the spool over the last 15 minutes"
      format=${shortSize}
      isBytes
      heightPx=${104}
    />
    <p class="about path">${spool.dir}</p>
  </section>`
}

const shortSize = (bytes: number): string => size(bytes).replace('iB', '')

function SpoolBadge({ state }: { state: PageState }): VNode {
  const { status, timeToFullMs } = state.overview!
  if (!status.spool.writable) return html`<${Badge} tone="bad" text="cannot be written" />`
  if (status.spool.full) return html`<${Badge} tone="bad" text="full" />`
  if (timeToFullMs !== undefined) return html`<${Badge} tone="warning" text=${`full in ${duration(timeToFullMs)}`} />`
  return html`<${Badge} tone="good" text="has room" />`
}

function Level({ backlog, archived, highWater, max }: { backlog: number; archived: number; highWater: number; max: number }): VNode {
  const width = (bytes: number): string => `${max === 0 ? 0 : Math.min(100, (bytes * 100) / max)}%`
  const text = `${percent(backlog, max)} of the spool wait, ${percent(archived, max)} are kept after the upload; senders are stopped at ${percent(highWater, max)}`
  return html`<div class="level" role="img" aria-label=${text}>
    <i class="backlog" style=${{ width: width(backlog) }}></i><i class="archived" style=${{ width: width(archived) }}></i>
    <i class="mark" style=${{ left: width(highWater) }}></i>
  </div>`
}

/** Files on their way to the tenant, with the step each has come to, and those that went before. */
import type { VNode } from 'preact'
import type { SegmentStep } from '../../contracts.ts'
import type { SegmentSummary } from '../../telemetry/status.ts'
import type { RecentUpload, UploadUnderWay } from '../../telemetry/upload-status.ts'
import { ago, duration, exactClock, number, size } from './format.ts'
import { html } from './html.ts'
import { Badge } from './icons.ts'
import { nowOf, type PageState } from './state.ts'
import { Table } from './table.ts'

const RECENT_SHOWN = 8
const WAITING_SHOWN = 6

/** The three calls, as steps of the file. */
const STEPS: readonly { step: SegmentStep; done: string }[] = [
  { step: 'issued', done: 'URL asked for' },
  { step: 'stored', done: 'bytes stored' },
  { step: 'finalising', done: 'being reported' }
]
const STEP_WORDS: Readonly<Record<SegmentStep, string>> = {
  open: 'being filled',
  closed: 'waiting',
  issued: 'has its URL',
  stored: 'bytes stored',
  finalising: 'being reported',
  done: 'accepted',
  'set-aside': 'set aside'
}

export function Uploads({ state }: { state: PageState }): VNode {
  const { tenant, upload, spool } = state.overview!.status
  const nowMs = nowOf(state)
  const flying = new Set(upload.underWay.map(({ id }) => id))
  const waiting = spool.list.filter(({ id }) => !flying.has(id)).slice(0, WAITING_SHOWN)
  const rows = [
    ...upload.underWay.map(file => underWayRow(file, nowMs)),
    ...waiting.map(file => waitingRow(file, nowMs)),
    ...upload.recent.slice(0, RECENT_SHOWN).map(file => recentRow(file, nowMs))
  ]
  return html`<section class="card" aria-labelledby="uploads">
    <h2 id="uploads">Uploads</h2>
    <p class="big"><b>${number(upload.uploadedFiles)}</b> ${upload.uploadedFiles === 1 ? 'file' : 'files'} accepted, ${size(upload.uploadedBytes)} <${UploadBadge} state=${state} /></p>
    <p class="about path">${tenant.kind === 'local' ? `Local tenant, which keeps them in ${tenant.dir}` : tenant.url}</p>
    <${Table} caption="Files" head=${['Since', 'Source', 'Records', 'Size', 'Step']} numeric=${[2, 3]} whole=${[0]} rows=${rows} empty="No file yet." />
    ${upload.secrets.length > 0 && html`<p class="about">${upload.secrets.map(({ secret, endsMs }) => `${secret} ${endsMs > nowMs ? `ends in ${duration(endsMs - nowMs)}` : 'has ended'}`).join(' · ')}</p>`}
  </section>`
}

function UploadBadge({ state }: { state: PageState }): VNode {
  const { upload } = state.overview!.status
  const [pause] = upload.pauses
  if (pause !== undefined) {
    const nextMs = pause.untilMs - nowOf(state)
    return html`<${Badge} tone=${pause.state === 'throttled' ? 'warning' : 'bad'} text=${`${pause.state}, ${nextMs > 0 ? `next try in ${duration(nextMs)}` : 'trying now'}`} />`
  }
  if (upload.lastSuccessMs === undefined) return html`<${Badge} tone="idle" text="none yet" />`
  return html`<${Badge} tone="good" text=${`last ${ago(upload.lastSuccessMs, nowOf(state))}`} />`
}

interface Row {
  key: string
  cells: unknown[]
}

const underWayRow = ({ id, source, records, bytes, step, sinceMs, attempts }: UploadUnderWay, nowMs: number): Row => ({
  key: id,
  cells: [exactClock(sinceMs, nowMs), source, number(records), size(bytes), html`<${Stepper} step=${step} attempts=${attempts} />`]
})

const waitingRow = ({ id, source, records, bytes, step, createdMs }: SegmentSummary, nowMs: number): Row => ({
  key: id,
  cells: [exactClock(createdMs, nowMs), source, number(records), size(bytes), html`<span class="quiet">${STEP_WORDS[step]}</span>`]
})

const recentRow = ({ id, source, records, bytes, outcome, reason, finishedMs, durationMs }: RecentUpload, nowMs: number): Row => ({
  key: id,
  cells: [
    exactClock(finishedMs, nowMs),
    source,
    number(records),
    size(bytes),
    outcome === 'done'
      ? html`<${Badge} tone="good" text=${`accepted in ${(durationMs / 1000).toFixed(1)}\u00a0s`} />`
      : html`<span><${Badge} tone=${outcome === 'split' ? 'warning' : 'bad'} text=${outcome === 'split' ? 'split' : 'set aside'} /> <span class="because">${reason}</span></span>`
  ]
})

/** The three calls as dots, those that are done filled. */
function Stepper({ step, attempts }: { step: SegmentStep; attempts: number }): VNode {
  const reached = STEPS.findIndex(one => one.step === step)
  return html`<span class="stepper">
    <span aria-hidden="true">${STEPS.map(({ done }, index) => html`<i class=${index <= reached ? 'done' : ''} title=${done}></i>`)}</span>
    ${reached < 0 ? 'asking for a URL' : STEP_WORDS[step]}${attempts > 0 && `, attempt ${attempts + 1}`}
  </span>`
}

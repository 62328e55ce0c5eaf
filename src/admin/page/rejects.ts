/** Lines that gave no record, by what is wrong with them: what Cloud Discovery would say, and what to do. */
import type { VNode } from 'preact'
import type { RejectKind } from '../../telemetry/rejects.ts'
import { NO_SOURCE } from '../../telemetry/status.ts'
import { ago, reasonText, visible } from './format.ts'
import { html } from './html.ts'

const NAMES = { malformed: 'Malformed', unidentified: 'Unidentified', rejected: 'Incomplete' } as const
const LINE_CHARS = 400

export function Rejects({ kinds, nowMs }: { kinds: readonly RejectKind[]; nowMs: number }): VNode | null {
  if (kinds.length === 0) return null
  return html`<section aria-labelledby="rejects">
    <h2 id="rejects">Lines that gave no record</h2>
    <p class="lead">Kept as samples, newest first. Skipped lines, which are no traffic, are not among them.</p>
    <ul class="rejects">
      ${kinds.map(kind => html`<li class="card" key=${`${kind.source} ${kind.outcome} ${kind.parser} ${kind.reason}`}><${Kind} kind=${kind} nowMs=${nowMs} /></li>`)}
    </ul>
  </section>`
}

function Kind({ kind, nowMs }: { kind: RejectKind; nowMs: number }): VNode {
  const { source, outcome, parser, reason, verdict, remedy, lines, lastMs } = kind
  const why = outcome === 'unidentified' ? 'no parser knows it' : reasonText(reason)
  return html`<div>
    <h3>${NAMES[outcome]}: ${why}</h3>
    <p class="about">${source === NO_SOURCE ? 'no source' : source}${parser !== '' && ` · read by ${parser}`} · last ${ago(lastMs, nowMs)}</p>
    ${verdict && html`<p>${verdict}</p>`}
    ${remedy && html`<p class="remedy">${sentence(remedy)}</p>`}
    <pre tabindex="0" aria-label="Samples of the line">${lines.map(({ text }) => html`<code>${cut(visible(text))}</code>`)}</pre>
  </div>`
}

const cut = (text: string): string => (text.length > LINE_CHARS ? `${text.slice(0, LINE_CHARS)} …` : text)
const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`

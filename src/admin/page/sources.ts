/** Each source: its state, its flow, its last minutes, and what its records carry. */
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { serviceComplains } from '../../telemetry/findings.ts'
import type { HistoryPoint } from '../../telemetry/history.ts'
import type { RejectKind } from '../../telemetry/rejects.ts'
import { NO_SOURCE, type SourceStatus } from '../../telemetry/status.ts'
import { Chart, perSecond } from './chart.ts'
import { Flow } from './flow.ts'
import { ago, clock, duration, percent } from './format.ts'
import { html } from './html.ts'
import { Badge, Sign, type Tone } from './icons.ts'
import { currentRate, nowOf, type PageState } from './state.ts'

/** With more sources than this only those in trouble are open at first. */
const OPEN_AT_FIRST_MAX = 4
/** Lines no older than this make a source look alive. */
const FLOWING_MS = 15_000

export function Sources({ state }: { state: PageState }): VNode {
  const { status, rejects } = state.overview!
  return html`<section aria-labelledby="sources">
    <h2 id="sources">Sources</h2>
    ${status.sources.map(
      source => html`<${SourceCard}
        key=${source.name}
        source=${source}
        state=${state}
        rejects=${rejects.filter(kind => kind.source === source.name)}
        isOpen=${status.sources.length <= OPEN_AT_FIRST_MAX}
      />`
    )}
  </section>`
}

interface CardProps {
  source: SourceStatus
  state: PageState
  rejects: readonly RejectKind[]
  isOpen: boolean
}

function SourceCard({ source, state, rejects, isOpen }: CardProps): VNode {
  const nowMs = nowOf(state)
  const { tone, text } = stateOf(source, state, nowMs)
  // What it is at first; afterwards it is the reader's.
  const [isFirstOpen] = useState(isOpen || tone === 'bad')
  const [isSeen, setSeen] = useState(isFirstOpen)
  const rates = {
    received: currentRate(state.history, source.name, 'received'),
    parsed: currentRate(state.history, source.name, 'parsed'),
    written: currentRate(state.history, source.name, 'written'),
    uploaded: currentRate(state.history, source.name, 'uploaded')
  }
  const isFlowing = source.lastSeenMs !== undefined && nowMs - source.lastSeenMs < FLOWING_MS
  return html`<details class="card source" open=${isFirstOpen} onToggle=${(event: Event) => setSeen((event.currentTarget as HTMLDetailsElement).open)}>
    <summary>
      <h3>${nameOf(source)}</h3>
      <${Badge} tone=${tone} text=${text} />
      <span class="about">${recognised(source)}</span>
    </summary>
    ${
      isSeen &&
      html`<div>
      <${Times} source=${source} lastLookMs=${state.overview!.status.upload.lastLookMs} nowMs=${nowMs} />
      <${Flow} source=${source} rates=${rates} isFlowing=${isFlowing} />
      <${Troubles} source=${source} rejects=${rejects} nowMs=${nowMs} />
      <div class="two">
        <${RateChart} source=${source} history=${state.history} uploads=${uploadsOf(source.name, state)} nowMs=${nowMs} />
        ${source.attributes.length > 0 && html`<${Quality} source=${source} />`}
      </div>
    </div>`
    }
  </details>`
}

const nameOf = ({ name }: SourceStatus): string => (name === NO_SOURCE ? 'No source takes these lines' : name)

function stateOf(source: SourceStatus, { overview, history }: PageState, nowMs: number): { tone: Tone; text: string } {
  const { frames, lastSeenMs, silence } = source
  const pause = overview!.status.upload.pauses.find(one => one.source === source.name)
  if (silence !== undefined && !overview!.status.spool.full)
    return { tone: 'bad', text: lastSeenMs === undefined ? 'has sent nothing yet' : `silent for ${duration(nowMs - lastSeenMs)}` }
  if (lastSeenMs === undefined) return { tone: 'idle', text: 'no line yet' }
  if (frames.parsed === 0 && frames.malformed + frames.unidentified > 0) return { tone: 'bad', text: 'cannot be read' }
  if (pause !== undefined) return { tone: 'bad', text: 'uploads fail' }
  if (nowMs - lastSeenMs >= FLOWING_MS && overview!.status.spool.full) return { tone: 'warning', text: 'held back: the spool is full' }
  if (nowMs - lastSeenMs >= FLOWING_MS) return { tone: 'idle', text: `quiet for ${duration(nowMs - lastSeenMs)}` }
  if (source.drift.length > 0 || serviceComplains(source, overview!.status.upload.lastLookMs))
    return { tone: 'warning', text: source.drift.length > 0 ? 'changed shape' : 'the tenant complains' }
  const rejected = currentRate(history, source.name, 'rejected')
  const received = currentRate(history, source.name, 'received')
  if (rejected > received * 0.01) return { tone: 'warning', text: `${percent(rejected, received)} of the lines rejected` }
  return { tone: 'good', text: 'flowing' }
}

/** What the configuration says, or what was recognised, the busiest first. */
function recognised({ appliance, outcomes, format }: SourceStatus): string {
  const parsers = outcomes.filter(({ outcome, parser }) => outcome === 'parsed' && parser !== '').sort((a, b) => b.count - a.count)
  const names = parsers.slice(0, 3).map(({ parser }) => parser)
  const more = parsers.length > 3 ? ` and ${parsers.length - 3} more` : ''
  const who = appliance !== 'auto' ? appliance : names.length > 0 ? `recognised: ${names.join(', ')}${more}` : 'nothing recognised yet'
  return `${who} · as ${format.toUpperCase()}`
}

function Times({ source, lastLookMs, nowMs }: { source: SourceStatus; lastLookMs: number | undefined; nowMs: number }): VNode {
  const { lastSeenMs, lastEventMs, lastUploadMs, service } = source
  const isHeeded = service?.state === 'fine' || serviceComplains(source, lastLookMs)
  return html`<dl class="times">
    <div><dt>Last line</dt><dd>${ago(lastSeenMs, nowMs)}</dd></div>
    <div><dt>Last event in it</dt><dd>${lastEventMs === undefined ? 'none' : clock(lastEventMs, nowMs)}</dd></div>
    <div><dt>Last file accepted</dt><dd>${ago(lastUploadMs, nowMs)}</dd></div>
    ${service && isHeeded && html`<div><dt>The tenant says</dt><dd>${service.state}${service.lastDataReceivedMs !== undefined && `, data ${ago(service.lastDataReceivedMs, nowMs)}`}</dd></div>`}
  </dl>`
}

/** Drift, skew and rejected lines of this source; nothing while all is well. */
function Troubles({ source, rejects, nowMs }: { source: SourceStatus; rejects: readonly RejectKind[]; nowMs: number }): VNode | null {
  const { drift, clockSkewSeconds } = source
  const skew = clockSkewSeconds ?? 0
  const items = [
    ...drift.map(({ what, usualShare, share, sinceMs }) =>
      what === 'rejected'
        ? `Since ${clock(sinceMs, nowMs)} ${percent(share, 1)} of the lines are rejected, usually ${percent(usualShare, 1)}`
        : `Since ${clock(sinceMs, nowMs)} ${what} is in ${percent(share, 1)} of the records, usually in ${percent(usualShare, 1)}`
    ),
    ...(Math.abs(skew) >= 300
      ? [`Its clock is ${duration(Math.abs(skew) * 1000)} ${skew > 0 ? 'ahead' : 'behind'}, or its time_zone is wrong`]
      : [])
  ]
  if (items.length === 0 && rejects.length === 0) return null
  return html`<ul class="troubles">
    ${items.map(text => html`<li><${Sign} tone="warning" />${text}</li>`)}
    ${rejects.length > 0 && html`<li><${Sign} tone="warning" /><span>${rejects.length === 1 ? 'One kind of line' : `${rejects.length} kinds of lines`} gave no record: <a href="#rejects">which, and what to do</a></span></li>`}
  </ul>`
}

const uploadsOf = (name: string, { overview }: PageState): number[] =>
  overview!.status.upload.recent.filter(({ source, outcome }) => source === name && outcome === 'done').map(({ finishedMs }) => finishedMs)

function RateChart({
  source,
  history,
  uploads,
  nowMs
}: {
  source: SourceStatus
  history: readonly HistoryPoint[]
  uploads: number[]
  nowMs: number
}): VNode {
  const values = (key: 'received' | 'written' | 'rejected'): (number | null)[] =>
    history.map(({ sources }) => sources[source.name]?.[key] ?? null)
  const received = values('received')
  const peak = Math.max(0, ...received.map(value => value ?? 0))
  return html`<div>
    <h4>Last 15 minutes, a second</h4>
    <${Chart}
      times=${history.map(({ atMs }) => atMs)}
      lines=${[
        { label: 'received', color: 'flow', isFilled: true, values: received },
        { label: 'written', color: 'deep', dash: [6, 3], values: values('written') },
        { label: 'rejected', color: 'bad', values: values('rejected') }
      ]}
      marks=${uploads}
      marksLabel="files accepted"
      nowMs=${nowMs}
      text=${`Lines of ${source.name} a second over the last 15 minutes, at most ${perSecond(peak)}`}
      format=${perSecond}
      heightPx=${150}
    />
  </div>`
}

/** How many of the written records carry what reports are made of. */
function Quality({ source }: { source: SourceStatus }): VNode {
  const { written } = source.records
  const poor = source.attributes.filter(({ costs }) => costs !== undefined)
  return html`<div>
    <h4>What the records carry</h4>
    <ul class="quality">
      ${source.attributes.map(({ attribute, count, costs }) => {
        const share = written === 0 ? 0 : count / written
        return html`<li class=${costs === undefined ? '' : 'poor'}>
          <span>${attribute}</span>
          <span class="bar" aria-hidden="true"><i style=${{ width: `${Math.round(share * 100)}%` }}></i></span>
          <b>${percent(count, written)}</b>
        </li>`
      })}
    </ul>
    ${
      poor.length > 0 &&
      html`<details class="costs">
      <summary>What is missing, and what it costs (${poor.length})</summary>
      <ul>${poor.map(({ attribute, costs, remedy }) => html`<li><b>${attribute}</b>: ${costs}${remedy && html`<span class="remedy">${remedy}</span>`}</li>`)}</ul>
    </details>`
    }
  </div>`
}

/** The head of the page: does data reach the tenant, since when not, why, and what to do. */
import type { VNode } from 'preact'
import type { Finding, Level } from '../../telemetry/verdict.ts'
import type { Overview } from '../overview.ts'
import { clock, duration } from './format.ts'
import { html } from './html.ts'
import { Sign, type Tone } from './icons.ts'
import type { Link } from './state.ts'

const TONES: Readonly<Record<Level, Tone>> = { good: 'good', starting: 'idle', warning: 'warning', bad: 'bad' }

interface HeroProps {
  link: Link
  overview: Overview | undefined
  nowMs: number
}

export function Hero({ link, overview, nowMs }: HeroProps): VNode {
  const { tone, text, because, remedy } = sentence(link, overview, nowMs)
  const more = overview === undefined || link.kind === 'lost' ? [] : overview.verdict.findings
  // The head line says the first finding already.
  const findings = overview?.verdict.level === 'bad' ? more.slice(1) : more
  return html`<section class=${`hero ${tone}`} aria-labelledby="verdict">
    <${Sign} tone=${tone} />
    <div>
      <div role="status"><h2 id="verdict">${text}</h2></div>
      ${because && html`<p class="because">${because}</p>`}
      ${remedy && html`<p class="remedy">${remedy}</p>`}
      ${overview && link.kind !== 'lost' && html`<${Facts} overview=${overview} nowMs=${nowMs} />`}
    </div>
    ${findings.length > 0 && html`<ul class="findings" aria-label="What needs attention">${findings.map(finding => html`<${FindingItem} finding=${finding} nowMs=${nowMs} />`)}</ul>`}
  </section>`
}

function sentence(
  link: Link,
  overview: Overview | undefined,
  nowMs: number
): { tone: Tone; text: string; because?: string; remedy?: string } {
  if (link.kind === 'lost')
    return {
      tone: 'bad',
      text: `No answer since ${clock(link.sinceMs, Date.now())}`,
      because: `${link.why}; what is below is from before`,
      remedy: 'Does the collector run? It is tried again by itself.'
    }
  if (overview === undefined) return { tone: 'idle', text: 'Asking the collector …' }
  const { level, headline, sinceMs, because, remedy } = overview.verdict
  return {
    tone: TONES[level],
    text: sinceMs === undefined ? headline : `${headline} since ${clock(sinceMs, nowMs)}`,
    ...(because === undefined ? {} : { because }),
    ...(remedy === undefined ? {} : { remedy })
  }
}

/** What a person looks for first, in one line. */
function Facts({ overview, nowMs }: { overview: Overview; nowMs: number }): VNode {
  const { sources, upload, balance } = overview.status
  const lastSeenMs = Math.max(0, ...sources.map(source => source.lastSeenMs ?? 0))
  const facts = [
    lastSeenMs > 0 ? `last line ${duration(nowMs - lastSeenMs)} ago` : 'no line yet',
    upload.lastSuccessMs === undefined ? 'no file uploaded yet' : `last file accepted ${duration(nowMs - upload.lastSuccessMs)} ago`,
    ...(balance.frames.received === 0 ? [] : [balance.balanced ? 'every line and record accounted for' : 'some lines are under way'])
  ]
  return html`<p class="facts">${facts.join(' · ')}</p>`
}

const FindingItem = ({ finding, nowMs }: { finding: Finding; nowMs: number }): VNode =>
  html`<li>
    <${Sign} tone=${finding.level} />
    <div>
      <strong>${finding.what}${finding.sinceMs !== undefined && ` since ${clock(finding.sinceMs, nowMs)}`}</strong>
      ${finding.because && html`<span class="because">${finding.because}</span>`}
      ${finding.remedy && html`<span class="remedy">${finding.remedy}</span>`}
    </div>
  </li>`

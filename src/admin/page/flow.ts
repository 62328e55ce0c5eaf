/**
 * A source from received to uploaded as a picture: a band as wide as what flows, from which the losses of each border turn off.
 * Beside it the same as numbers, with the sum of each border. The bands stretch; all text is text.
 */
import type { VNode } from 'preact'
import type { SourceStatus } from '../../telemetry/status.ts'
import { number, rate, reasonText } from './format.ts'
import { html } from './html.ts'
import { Sign } from './icons.ts'

/** What turns off at a border: `waiting` is on its way still, `meant` is left out on purpose, `bad` is a loss. */
interface Branch {
  kind: 'waiting' | 'meant' | 'bad'
  label: string
  count: number
}

interface Border {
  /** What the sum is made of, for those who hear it. */
  title: string
  from: number
  to: number
  branches: Branch[]
}

export interface FlowRates {
  received: number
  parsed: number
  written: number
  uploaded: number
}

const LENGTH = 1000
const DEPTH = 100
/** The band at its widest. */
const BAND = 56
/** What is there is seen, however little it is. */
const THIN = 1.6
const STAGES = ['Received', 'Parsed', 'Written', 'Uploaded'] as const

export function Flow({ source, rates, isFlowing }: { source: SourceStatus; rates: FlowRates; isFlowing: boolean }): VNode {
  const { frames, records } = source
  const counts = [frames.received, frames.parsed, records.written, records.uploaded]
  const perSecond = [rates.received, rates.parsed, rates.written, rates.uploaded]
  const borders = bordersOf(source)
  const bands = bandsOf(counts, borders)
  return html`<div class="flow">
    <ol class="stages">
      ${STAGES.map(
        (name, index) => html`<li>
          <div class="stage">
            <span class="name">${name}</span>
            <b>${number(counts[index]!)}</b>
            <span class="rate">${rate(perSecond[index]!)}</span>
          </div>
          ${borders[index] && html`<${Ledger} border=${borders[index]} />`}
        </li>`
      )}
    </ol>
    <${Picture} bands=${bands} isFlowing=${isFlowing} class="wide" text=${sentenceOf(source.name, borders)} />
    <${Picture} bands=${bands} isFlowing=${isFlowing} class="tall" text="" />
  </div>`
}

function bordersOf({ frames, records, dropped }: SourceStatus): Border[] {
  const drops: Branch[] = dropped
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
    .map(({ reason, count }) => ({ kind: BAD_DROPS.has(reason) ? 'bad' : 'meant', label: reasonText(reason), count }))
  return [
    {
      title: 'Received less parsed',
      from: frames.received,
      to: frames.parsed,
      branches: [
        { kind: 'meant', label: 'skipped', count: frames.skipped },
        { kind: 'bad', label: 'malformed', count: frames.malformed },
        { kind: 'bad', label: 'unidentified', count: frames.unidentified }
      ]
    },
    {
      title: 'Parsed less written',
      from: records.parsed,
      to: records.written,
      branches: drops.length > 0 ? drops : [{ kind: 'meant', label: 'dropped', count: 0 }]
    },
    {
      title:
        records.recovered > 0 ? `Written, and ${number(records.recovered)} from before the start, less uploaded` : 'Written less uploaded',
      from: records.written + records.recovered,
      to: records.uploaded,
      branches: [
        { kind: 'waiting', label: 'in the spool', count: Math.max(0, records.spooled) },
        { kind: 'bad', label: 'set aside', count: records.setAside },
        { kind: 'bad', label: 'shed', count: records.shed },
        ...(records.removed > 0 ? [{ kind: 'bad' as const, label: 'removed', count: records.removed }] : [])
      ]
    }
  ]
}

/** Drops that nobody asked for. */
const BAD_DROPS = new Set(['bad_time', 'no_source', 'no_destination', 'in_future', 'line_too_long', 'internal_error'])

const missing = ({ from, to, branches }: Border): number => from - to - branches.reduce((sum, { count }) => sum + count, 0)

/** What turned off at a border, and whether the sum is right. */
function Ledger({ border }: { border: Border }): VNode {
  const difference = missing(border)
  return html`<div class="ledger">
    <span class="heard">${border.title}:</span>
    <ul>
      ${border.branches.map(({ kind, label, count }) => html`<li class=${count > 0 ? kind : 'none'}><b>${number(count)}</b> ${label}</li>`)}
    </ul>
    <span class=${difference === 0 ? 'sum good' : 'sum warning'}>
      <${Sign} tone=${difference === 0 ? 'good' : 'idle'} />${difference === 0 ? 'balanced' : `${number(difference)} under way`}
    </span>
  </div>`
}

const sentenceOf = (name: string, borders: readonly Border[]): string =>
  `${name}: ${borders.map(({ from, to, branches }) => `${number(from)} = ${[number(to), ...branches.map(({ label, count }) => `${number(count)} ${label}`)].join(' + ')}`).join('; ')}`

// ── the picture ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Band {
  kind: 'main' | 'none' | Branch['kind']
  /** Along, across, for both pictures: the tall one swaps them. */
  path: (swap: boolean) => string
}

/** Widths are shares of the largest number, so that the band tells how much of what came in goes out. */
function bandsOf(counts: readonly number[], borders: readonly Border[]): Band[] {
  const whole = Math.max(1, ...counts, ...borders.map(({ from }) => from))
  const width = (count: number): number => (count === 0 ? 0 : Math.max(THIN, (count / whole) * BAND))
  const step = LENGTH / counts.length
  const bands: Band[] = counts.every(count => count === 0) ? [{ kind: 'none', path: swap => trunk(0, LENGTH, THIN, THIN, swap) }] : []
  borders.forEach((border, index) => {
    const at = index * step
    const before = width(border.from)
    const after = width(counts[index + 1]!)
    bands.push({ kind: 'main', path: swap => trunk(at, step, before, after, swap) })
    let edge = after
    for (const { kind, count } of border.branches) {
      const own = width(count)
      if (own === 0) continue
      const from = edge
      bands.push({ kind, path: swap => turn(at, step, from, own, swap) })
      edge += own
    }
  })
  const last = counts.length - 1
  bands.push({ kind: 'main', path: swap => trunk(last * step, step, width(counts[last]!), width(counts[last]!), swap) })
  return bands
}

type Point = readonly [along: number, across: number]

const at = ([along, across]: Point, swap: boolean): string => (swap ? `${across} ${along}` : `${along} ${across}`)

/** From one width to the next, the inner edge straight. */
function trunk(start: number, step: number, before: number, after: number, swap: boolean): string {
  const p = (along: number, across: number): string => at([start + along, across], swap)
  const end = step
  const neck = step * 0.42
  return `M${p(0, 0)}L${p(end, 0)}L${p(end, after)}L${p(neck, after)}C${p(neck * 0.6, after)} ${p(neck * 0.6, before)} ${p(step * 0.16, before)}L${p(0, before)}Z`
}

/** Turns off from below the band and ends at the lower edge, where its number stands. */
function turn(start: number, step: number, edge: number, own: number, swap: boolean): string {
  const p = (along: number, across: number): string => at([start + along, across], swap)
  const begin = step * 0.16
  const bend = step * 0.3
  const stop = bend + own * 1.6
  return `M${p(begin, edge)}C${p(bend, edge)} ${p(stop, edge + 6)} ${p(stop, DEPTH)}L${p(bend, DEPTH)}C${p(bend, edge + own + 8)} ${p(begin + 26, edge + own)} ${p(begin, edge + own)}Z`
}

function Picture({
  bands,
  isFlowing,
  class: shape,
  text
}: {
  bands: readonly Band[]
  isFlowing: boolean
  class: 'wide' | 'tall'
  text: string
}): VNode {
  const swap = shape === 'tall'
  const box = swap ? `0 0 ${DEPTH} ${LENGTH}` : `0 0 ${LENGTH} ${DEPTH}`
  const line = swap ? `M6 0V${LENGTH}` : `M0 6H${LENGTH}`
  const naming = text === '' ? { 'aria-hidden': 'true' } : { role: 'img', 'aria-label': text }
  return html`<svg class=${`picture ${shape}`} viewBox=${box} preserveAspectRatio="none" ...${naming} focusable="false">
    ${bands.map(({ kind, path }) => html`<path class=${`band ${kind}`} d=${path(swap)} />`)}
    ${isFlowing && html`<path class="drift" d=${line} />`}
  </svg>`
}

/** Rates over the last quarter of an hour, drawn by uPlot. */
import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { clock, compact } from './format.ts'
import { html } from './html.ts'

export interface Line {
  label: string
  /** Custom property of the style sheet that holds its colour. */
  color: string
  dash?: number[]
  isFilled?: boolean
  values: readonly (number | null)[]
}

export interface ChartProps {
  /** Ms, ascending. */
  times: readonly number[]
  lines: readonly Line[]
  /** Moments marked at the lower edge, ms. */
  marks?: readonly number[]
  marksLabel?: string
  nowMs: number
  /** What it shows, for those who do not see it. */
  text: string
  format: (value: number) => string
  /** Steps of the axis are powers of two, as bytes are told. */
  isBytes?: boolean
  heightPx: number
}

const BYTE_STEPS = Array.from({ length: 48 }, (_, power) => 2 ** power)

const SPAN_S = 15 * 60

export function Chart(props: ChartProps): VNode {
  const { times, lines, marks = [], marksLabel, nowMs, text, format, heightPx } = props
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const latest = useRef(props)
  latest.current = props
  const [shown, setShown] = useState<number>()
  const [theme, setTheme] = useState(0)

  useEffect(() => {
    const media = matchMedia('(prefers-color-scheme: dark)')
    const onChange = (): void => setTheme(before => before + 1)
    media.addEventListener('change', onChange)
    return () => media.removeEventListener('change', onChange)
  }, [])

  useEffect(() => {
    const element = box.current!
    const made = new uPlot(optionsOf(element, latest, setShown), dataOf(latest.current), element)
    plot.current = made
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: heightPx }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
    }
  }, [theme, lines.length])

  useEffect(() => plot.current?.setData(dataOf(latest.current)), [times, lines, nowMs])

  const index = shown ?? times.length - 1
  return html`<figure class="chart">
    <figcaption>
      ${lines.map(
        ({ label, color, dash, values }) =>
          html`<span class="key"><svg viewBox="0 0 18 6" aria-hidden="true"><line x1="0" y1="3" x2="18" y2="3" class=${`stroke-${color}`} stroke-dasharray=${dash ? '3 2' : undefined} /></svg>${label} <b>${format(values[index] ?? 0)}</b></span>`
      )}
      ${marksLabel && html`<span class="key"><svg viewBox="0 0 18 6" aria-hidden="true"><path d="M9 0l4 6H5z" class="fill-good" /></svg>${marksLabel} <b>${marks.length}</b></span>`}
      <span class="when">${times[index] === undefined ? '' : clock(times[index], nowMs)}</span>
    </figcaption>
    <div ref=${box} class=${`plot height-${heightPx}`} role="img" aria-label=${text}></div>
  </figure>`
}

const dataOf = ({ times, lines }: ChartProps): uPlot.AlignedData =>
  [times.map(ms => ms / 1000), ...lines.map(({ values }) => [...values])] as unknown as uPlot.AlignedData

function optionsOf(element: HTMLElement, latest: { current: ChartProps }, show: (index: number | undefined) => void): uPlot.Options {
  const color = colorsOf(element)
  const font = `11px ${getComputedStyle(element).fontFamily}`
  const axis = { stroke: color('quiet'), font, ticks: { show: false } }
  return {
    width: element.clientWidth,
    height: latest.current.heightPx,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: true, range: () => [latest.current.nowMs / 1000 - SPAN_S, latest.current.nowMs / 1000] },
      y: { range: (_plot, _min, max) => [0, Math.max(1, (max ?? 0) * 1.1)] }
    },
    axes: [
      {
        ...axis,
        size: 22,
        space: 80,
        grid: { show: false },
        values: (_plot, splits) => splits.map(second => clock(second * 1000, second * 1000))
      },
      {
        ...axis,
        size: 46,
        space: 28,
        grid: { stroke: color('line'), width: 1 },
        ...(latest.current.isBytes ? { incrs: BYTE_STEPS } : {}),
        values: (_plot, splits) => splits.map(value => latest.current.format(value))
      }
    ],
    series: [
      {},
      ...latest.current.lines.map(({ label, color: name, dash, isFilled }) => ({
        label,
        stroke: color(name),
        width: 1.75,
        points: { show: false },
        ...(dash === undefined ? {} : { dash }),
        ...(isFilled ? { fill: color(`${name}-soft`) } : {})
      }))
    ],
    hooks: {
      setCursor: [made => show(made.cursor.idx ?? undefined)],
      draw: [made => drawMarks(made, latest.current.marks ?? [], color('good'))]
    }
  }
}

/** A canvas knows no custom properties, and no colours that depend on the theme: an element must say what they come to. */
function colorsOf(element: HTMLElement): (name: string) => string {
  const probe = element.appendChild(document.createElement('span'))
  const style = getComputedStyle(probe)
  const colors = new Map<string, string>()
  for (const name of ['quiet', 'line', 'good', 'flow', 'flow-soft', 'deep', 'bad']) {
    probe.style.color = `var(--${name})`
    colors.set(name, style.color)
  }
  probe.remove()
  return name => colors.get(name) ?? style.color
}

/** Small triangles on the lower edge. */
function drawMarks(plot: uPlot, marks: readonly number[], color: string): void {
  const { ctx, bbox } = plot
  const half = 4 * devicePixelRatio
  ctx.save()
  ctx.fillStyle = color
  for (const ms of marks) {
    const x = plot.valToPos(ms / 1000, 'x', true)
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    const y = bbox.top + bbox.height
    ctx.beginPath()
    ctx.moveTo(x, y - half * 1.8)
    ctx.lineTo(x + half, y)
    ctx.lineTo(x - half, y)
    ctx.fill()
  }
  ctx.restore()
}

export const perSecond = (value: number): string => (value > 0 && value < 10 ? value.toFixed(1) : compact(value))

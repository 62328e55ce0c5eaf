/** One line of a terminal that changes while work is long, and is gone afterwards. */
type Out = NodeJS.WritableStream & { isTTY?: boolean; columns?: number }

const REDRAW_MS = 200
const BAR_CHARS = 24
/** Takes the line away. */
const CLEAR = '\r\u001b[K'

/** Writes to a terminal only. */
export class ProgressLine {
  readonly #out: Out
  readonly #nowMs: () => number
  #shownMs: number
  #isShown = false

  /** `nowMs`: a monotonic clock. Nothing is shown in the first moment, so that short work stays quiet. */
  constructor(out: Out, nowMs: () => number = () => performance.now()) {
    this.#out = out
    this.#nowMs = nowMs
    this.#shownMs = nowMs()
  }

  /** `text` is made only when it is time to draw; it must hold no control characters. */
  show(share: number, text: () => string): void {
    if (!this.#out.isTTY || this.#nowMs() - this.#shownMs < REDRAW_MS) return
    this.#shownMs = this.#nowMs()
    this.#isShown = true
    drawOver(this.#out, `${progressBar(share)}  ${text()}`)
  }

  /** Before something else is written. */
  clear(): void {
    if (this.#isShown) this.#out.write(CLEAR)
    this.#isShown = false
  }
}

/** In place of what the line held, cut to the width of the terminal. */
export const drawOver = (out: Out, line: string): void => void out.write(`${CLEAR}${line.slice(0, (out.columns ?? 80) - 1)}`)

/** `[######------------------]  25%` */
export function progressBar(share: number): string {
  const bounded = Math.max(0, Math.min(1, share))
  const full = Math.round(bounded * BAR_CHARS)
  return `[${'#'.repeat(full)}${'-'.repeat(BAR_CHARS - full)}] ${String(Math.floor(bounded * 100)).padStart(3)}%`
}

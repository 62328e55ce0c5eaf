/** Shows how far `sluice upload` is: one line that changes on a terminal, a line now and then elsewhere. */
import { basename } from 'node:path'
import { formatSize } from '../config/sizes.ts'
import type { BackfillProgress } from '../pipeline/backfill.ts'
import { drawOver, progressBar } from './progress-line.ts'
import { visible } from './text-output.ts'

const REDRAW_MS = 200
const LINE_EVERY_MS = 10_000

const PHASES = { check: 'checking', read: 'reading', upload: 'uploading' } as const

export class UploadProgressView {
  readonly #out: NodeJS.WritableStream & { isTTY?: boolean; columns?: number }
  readonly #nowMs: () => number
  #shownMs = Number.NEGATIVE_INFINITY
  /** File and phase of the last line. */
  #stage = ''

  /** `nowMs`: a monotonic clock. */
  constructor(out: NodeJS.WritableStream & { isTTY?: boolean; columns?: number }, nowMs: () => number = () => performance.now()) {
    this.#out = out
    this.#nowMs = nowMs
  }

  show(progress: BackfillProgress): void {
    const nowMs = this.#nowMs()
    const stage = `${progress.phase} ${progress.file}`
    const isDue = nowMs - this.#shownMs >= (this.#out.isTTY ? REDRAW_MS : LINE_EVERY_MS)
    if (!isDue && stage === this.#stage) return
    this.#stage = stage
    this.#shownMs = nowMs
    const line = progressLine(progress)
    if (this.#out.isTTY) drawOver(this.#out, line)
    else this.#out.write(`${line}\n`)
  }

  /** Takes the line away, before something else is written. */
  clear(): void {
    if (this.#out.isTTY) this.#out.write('\r\u001b[K')
    this.#stage = ''
  }
}

/** Bytes read of all files; each file is checked first and then read. */
export function progressLine({ file, phase, bytes, totalBytes, uploadedFiles, waitingFiles }: BackfillProgress): string {
  const share = totalBytes === 0 ? 1 : Math.min(1, bytes / totalBytes)
  const size = `${formatSize(bytes)} of ${formatSize(totalBytes)}`
  const uploads = phase === 'upload' ? `, ${uploadedFiles} uploaded, ${waitingFiles} to go` : ''
  return `${progressBar(share)}  ${size}  ${PHASES[phase]} ${visible(basename(file))}${uploads}`
}

/**
 * Hot path: once per frame. Lines of one kind repeat themselves: the same keys in the same order, and most values the same from line
 * to line. A layout remembers one such line as literals – keys, and the values that did not change so far – and holes for the values
 * that do. A line that fits needs no look at its keys: literals are compared sixteen bytes at a time, and only holes are scanned
 * (FortiGate, 50 pairs: 1.25 to 0.5 µs a line).
 *
 * This is an accelerator and nothing else. The grammar's own scan is the truth: layouts are learnt from what it traces, and a line
 * that fits no layout, or in which anything is unusual, goes to it. test/parse/fast-paths.test.ts holds that both agree.
 */
import { isVectorMemory } from '../../lib/lane-memory.ts'
import type { Line, Value } from '../values/line.ts'
import { Layout } from './layout.ts'
import { Trace } from './trace.ts'

const SPACE = 0x20
const TAB = 0x09

const LAYOUTS_MAX = 8
/** Frames between two looks at whether layouts pay; how many may be learnt meanwhile, and how many must have fitted. */
const WINDOW_FRAMES = 1024
const LEARNT_MAX = 96
const FITTED_MIN = 512
/** Where they do not pay, they are left alone for so many frames. */
const SLEEP_FRAMES = 16_384

/** The line that a grammar traces just now. */
const traced = new Trace()

/**
 * The layouts of the lines that one field table reads by one grammar. Bounded, and out of the way where lines do not repeat
 * themselves.
 */
export class Layouts {
  readonly trace: Trace = traced
  readonly #line: Line
  readonly #layouts: Layout[] = []
  /** The line at hand lies where layouts can read it. */
  #isRead = false
  #frames = 0
  #fitted = 0
  #learnt = 0
  #sleep = 0

  /** `line`: that of the values. */
  constructor(line: Line) {
    this.#line = line
  }

  /** Sets the values of a line that is known and returns how many; -1 otherwise. All values must be absent before the call. */
  fit(buf: Uint8Array, start: number, end: number, values: readonly Value[]): number {
    this.#isRead = isVectorMemory(buf)
    if (!this.#isRead) return -1
    if (this.#sleep > 0) {
      this.#sleep--
      return -1
    }
    if (++this.#frames === WINDOW_FRAMES) this.#takeStock()
    const layouts = this.#layouts
    for (let i = 0; i < layouts.length; i++) {
      const layout = layouts[i]!
      const found = layout.fit(start, end, values)
      if (found >= 0) {
        this.#line.setter = layout
        this.#fitted++
        if (i > 0) {
          layouts[i] = layouts[i - 1]!
          layouts[i - 1] = layout
        }
        return found
      }
    }
    return -1
  }

  /** Lines that were learnt since stock was taken last. */
  get learnt(): number {
    return this.#learnt
  }

  /** True when the grammar should fill `trace` for this line, and call `learn` afterwards. */
  get wantsTrace(): boolean {
    return this.#isRead && this.#sleep === 0 && this.#learnt < LEARNT_MAX
  }

  /** Takes the traced line as a layout, or into the one that has its keys. */
  learn(buf: Uint8Array): void {
    this.#learnt++
    const { trace } = this
    if (trace.isUnusual || trace.count === 0 || !isPrintable(buf, trace.start, trace.end)) return
    if (this.#layouts.some(layout => layout.widen(buf, trace))) return
    if (this.#layouts.length === LAYOUTS_MAX) this.#layouts.pop()
    this.#layouts.unshift(new Layout(buf, trace))
  }

  #takeStock(): void {
    if (this.#fitted < FITTED_MIN) this.#sleep = SLEEP_FRAMES
    this.#frames = 0
    this.#fitted = 0
    this.#learnt = 0
  }
}

/** Printable ASCII and TAB only. */
function isPrintable(buf: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = buf[at]!
    if (byte > 0x7e || (byte < SPACE && byte !== TAB)) return false
  }
  return true
}

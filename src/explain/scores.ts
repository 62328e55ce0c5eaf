/** Why a log was recognised as what: how many of its first lines each parser claims by their bytes. */
import type { Frame, Parser } from '../contracts.ts'
import type { IntakeIdentity } from '../identify/identifier.ts'

/** Lines that are shown to every parser; enough to see a mix, few enough to cost nothing on a large file. */
const SCORED_LINES_MAX = 200

export interface Score {
  parser: string
  /** Lines that the parser claims. */
  lines: number
  /** Lines that were shown to it. */
  of: number
  /** Asked only about lines that no parser of a product claims. */
  generic: boolean
}

export class Scores {
  readonly #parsers: readonly Parser[]
  readonly #claimed = new Map<Parser, number>()
  #of = 0

  constructor(parsers: readonly Parser[]) {
    this.#parsers = parsers
  }

  /** Shows a frame to all parsers; those that have read lines of the intake know its header row. */
  add(frame: Frame, intake: IntakeIdentity): void {
    if (this.#of >= SCORED_LINES_MAX || frame.start >= frame.end) return
    this.#of++
    for (const parser of this.#parsers) {
      const state = intake.known.find(binding => binding.parser === parser)?.state
      if (parser.recognizes(frame, state)) this.#claimed.set(parser, (this.#claimed.get(parser) ?? 0) + 1)
    }
  }

  /** Parsers that claim a line, in the order in which they decide: those of a product first, then by lines. */
  list(): Score[] {
    return [...this.#claimed]
      .map(([{ id, generic = false }, lines]) => ({ parser: id, lines, of: this.#of, generic }))
      .sort((a, b) => Number(a.generic) - Number(b.generic) || b.lines - a.lines)
  }
}

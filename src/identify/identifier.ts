/**
 * Hot path: once per frame. Which parser reads a frame, and which source it belongs to: said by the configuration first,
 * guessed from bytes second, unknown last. Per frame, since a relay mixes appliances; sticky per intake, so the usual frame
 * costs one recogniser.
 */
import type { Frame, Parser } from '../contracts.ts'

/** A source as the identifier needs it. */
export interface SourceBinding {
  /** Index of the source in the configuration. */
  source: number
  /** The only parser of this source, or null for `auto`. */
  parser: Parser | null
}

/** One parser in use on one intake, with the state it keeps there. */
export interface Binding {
  source: number
  parser: Parser
  state: unknown
  /** The configuration names the parser, so its frames need no recognition. */
  fixed: boolean
}

/** What an intake has shown so far. */
export interface IntakeIdentity {
  /** Sources whose `from` matches this intake, in configuration order. */
  candidates: readonly SourceBinding[]
  last: Binding | null
  known: Binding[]
}

export const newIdentity = (candidates: readonly SourceBinding[]): IntakeIdentity => {
  const identity: IntakeIdentity = { candidates, last: null, known: [] }
  const only = candidates.length === 1 ? candidates[0]! : undefined
  if (only?.parser != null) {
    identity.last = newBinding(only.source, only.parser, true)
    identity.known.push(identity.last)
  }
  return identity
}

function newBinding(source: number, parser: Parser, fixed: boolean): Binding {
  return { source, parser, state: parser.newState?.(), fixed }
}

/** A relay may carry many appliances, but a hostile one gets no unbounded list. */
const KNOWN_MAX = 64

export class Identifier {
  readonly #parsers: readonly Parser[]

  /** Parsers in the order they are asked: specific ones first. */
  constructor(parsers: readonly Parser[]) {
    this.#parsers = parsers
  }

  /** The binding for this frame, or null when no source or no parser fits. */
  identify(intake: IntakeIdentity, frame: Frame): Binding | null {
    const last = intake.last
    if (last !== null && (last.fixed || last.parser.recognizes(frame, last.state))) return last
    return this.#search(intake, frame)
  }

  #search(intake: IntakeIdentity, frame: Frame): Binding | null {
    for (const parser of this.#parsers) {
      const known = intake.known.find(binding => binding.parser === parser)
      if (known === intake.last && known !== undefined) continue // asked already
      const state = known?.state ?? parser.newState?.()
      if (!parser.recognizes(frame, state)) continue
      if (known !== undefined) {
        intake.last = known
        return known
      }
      const source =
        intake.candidates.find(candidate => candidate.parser === parser) ?? intake.candidates.find(candidate => candidate.parser === null)
      if (source === undefined) return null
      const binding: Binding = { source: source.source, parser, state, fixed: false }
      if (intake.known.length >= KNOWN_MAX) intake.known.shift()
      intake.known.push(binding)
      intake.last = binding
      return binding
    }
    return null
  }
}

/**
 * Hot path: once per frame. Which parser reads a frame, and which source it belongs to: said by the configuration first,
 * guessed from bytes second, unknown last. Per frame, since a relay mixes appliances; sticky per intake, so the usual frame
 * costs one recogniser, and one of a relay those of the appliances behind it.
 */
import type { Frame, Parser } from '../contracts.ts'
import { Heads } from './heads.ts'

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
  /** Of a generic parser: signatures of frames for which no specific parser was found; the oldest goes first. */
  signatures: number[]
  /** This intake has shown the end of a connection. */
  hasEnds: boolean
  /** Outcome counts of this source and parser, shared by all intakes. */
  tally: Tally
}

/** What became of the frames that one parser read for one source. Plain numbers, read when somebody asks. */
export interface Tally {
  parser: string
  parsed: number
  skipped: Map<string, number>
  malformed: Map<string, number>
}

/** What an intake has shown so far. */
export interface IntakeIdentity {
  /** Number of the intake. */
  index: number
  /** Sources whose `from` matches this intake, in configuration order. */
  candidates: readonly SourceBinding[]
  /** Parsers that only these sources have (templates of the configuration); asked before all others. */
  own: readonly Parser[]
  last: Binding | null
  /** In the order in which their parsers are asked. */
  known: Binding[]
  /** Who is asked first, where it makes no difference to the answer; null elsewhere. */
  heads: Heads<Binding> | null
}

/** A relay may carry many appliances, but a hostile one gets no unbounded list. */
const KNOWN_MAX = 64
/** Products of one relay that only a generic parser reads. */
const SIGNATURES_MAX = 16

export class Identifier {
  readonly #parsers: readonly Parser[]
  /** By source index, then by parser. */
  readonly #tallies: Map<string, Tally>[]
  /** Intakes that met a new parser since the list was last emptied: the pool decides by it which lanes may serve them. */
  readonly changed: IntakeIdentity[] = []

  /** Parsers in the order they are asked: specific ones first. `tallies`: where outcomes are counted, by source index. */
  constructor(parsers: readonly Parser[], tallies: Map<string, Tally>[] = []) {
    this.#parsers = parsers
    this.#tallies = tallies
  }

  /** A new intake. With one candidate whose parser is configured, nothing is guessed. */
  open(index: number, candidates: readonly SourceBinding[]): IntakeIdentity {
    const own = candidates.flatMap(({ parser }) => (parser === null || this.#parsers.includes(parser) ? [] : [parser]))
    const identity: IntakeIdentity = { index, candidates, own, last: null, known: [], heads: null }
    const only = candidates.length === 1 ? candidates[0]! : undefined
    if (only?.parser != null) this.#bind(identity, only.source, only.parser, only.parser.newState?.(), true)
    return identity
  }

  /**
   * An intake of an earlier identifier, whose sources are these now. Parsers that still have a source keep the state they had: a
   * sender does not repeat its header row because a configuration was loaded.
   */
  reopen(before: IntakeIdentity, candidates: readonly SourceBinding[]): IntakeIdentity {
    const identity = this.open(before.index, candidates)
    const isFixed = identity.last !== null
    for (const { parser, state, signatures, hasEnds } of before.known) {
      const source = sourceOf(candidates, parser)
      if (source === undefined || (isFixed && parser !== identity.last!.parser)) continue
      const binding = isFixed ? identity.last! : this.#bind(identity, source.source, parser, undefined, false)
      Object.assign(binding, { state, signatures, hasEnds })
    }
    if (!isFixed) identity.last = identity.known.find(({ parser }) => parser === before.last?.parser) ?? null
    return identity
  }

  /** The binding for this frame, or null when no source or no parser fits. */
  identify(intake: IntakeIdentity, frame: Frame): Binding | null {
    const { last, heads } = intake
    if (heads === null) return last !== null && (last.fixed || reads(last, frame)) ? last : this.#search(intake, frame)
    const likely = heads.get(frame)
    if (likely !== undefined && reads(likely, frame)) {
      intake.last = likely
      return likely
    }
    const found = last !== null && last !== likely && reads(last, frame) ? last : this.#search(intake, frame)
    // what was found may have closed the list
    if (found !== null) intake.heads?.set(frame, found)
    return found
  }

  #search(intake: IntakeIdentity, frame: Frame): Binding | null {
    const own = intake.own.length === 0 ? null : this.#ask(intake.own, intake, frame)
    if (own !== null) return own
    const met = intake.known.length < 2 ? null : askKnown(intake, frame)
    if (met !== null) return met
    const found = this.#ask(this.#parsers, intake, frame)
    if (found?.parser.generic === true) settle(found, frame)
    return found
  }

  #ask(parsers: readonly Parser[], intake: IntakeIdentity, frame: Frame): Binding | null {
    for (const parser of parsers) {
      const known = intake.known.find(binding => binding.parser === parser)
      if (known !== undefined && known === intake.last && parser.generic !== true) continue // asked already
      if (!parser.recognizes(frame, known?.state)) continue
      if (known !== undefined) {
        intake.last = known
        return known
      }
      const source = sourceOf(intake.candidates, parser)
      if (source === undefined) continue // no source wants this appliance; a source of raw lines may still
      return this.#bind(intake, source.source, parser, parser.newState?.(), false)
    }
    return null
  }

  #bind(intake: IntakeIdentity, source: number, parser: Parser, state: unknown, fixed: boolean): Binding {
    const tallies = (this.#tallies[source] ??= new Map())
    let tally = tallies.get(parser.id)
    if (tally === undefined) {
      tally = { parser: parser.id, parsed: 0, skipped: new Map(), malformed: new Map() }
      tallies.set(parser.id, tally)
    }
    const binding: Binding = { source, parser, state, fixed, signatures: [], hasEnds: false, tally }
    if (intake.known.length >= KNOWN_MAX) intake.known.shift()
    const place = this.#parsers.indexOf(parser)
    const after = intake.known.findIndex(known => this.#parsers.indexOf(known.parser) > place)
    intake.known.splice(after < 0 ? intake.known.length : after, 0, binding)
    intake.last = binding
    intake.heads = headsOf(intake)
    this.changed.push(intake)
    return binding
  }
}

/** The source that takes what a parser reads: one that names it before one that takes all. */
const sourceOf = (candidates: readonly SourceBinding[], parser: Parser): SourceBinding | undefined =>
  candidates.find(candidate => candidate.parser === parser) ?? candidates.find(candidate => candidate.parser === null)

/**
 * Empty heads for an intake of several parsers that exclude each other. One that knows a header row may claim what another's frames look
 * like, and an intake's own parsers come before all others: those keep their order.
 */
const headsOf = ({ known, own }: IntakeIdentity): Heads<Binding> | null =>
  known.length < 2 || own.length > 0 || known.some(({ parser }) => parser.newState !== undefined) ? null : new Heads()

const reads = (binding: Binding, frame: Frame): boolean => binding.parser.recognizes(frame, binding.state) && isSettled(binding, frame)

/**
 * What the whole search would find, asked of the parsers only that this intake has met. Parsers without state exclude each other, which
 * a test demands of all fixtures; one that knows a header row may claim what another's frames look like, so with those all are asked.
 */
function askKnown(intake: IntakeIdentity, frame: Frame): Binding | null {
  const { known, last } = intake
  for (let i = 0; i < known.length; i++) {
    const binding = known[i]!
    if (binding === last) continue // asked already
    if (!binding.parser.recognizes(frame, binding.state)) continue
    if (binding.parser.newState !== undefined || !isSettled(binding, frame)) return null
    intake.last = binding
    return binding
  }
  return null
}

/** A generic parser keeps a frame only when the specific ones were asked about one like it. */
function isSettled({ parser, signatures }: Binding, frame: Frame): boolean {
  if (parser.generic !== true) return true
  if (parser.signature === undefined) return false
  const signature = parser.signature(frame)
  // `signatures.includes` is a call out of the compiled code: 220 of 2,200 ns of a CEF line in a lane
  for (let i = 0; i < signatures.length; i++) if (signatures[i] === signature) return true
  return false
}

function settle({ parser, signatures }: Binding, frame: Frame): void {
  const signature = parser.signature?.(frame)
  if (signature === undefined || signatures.includes(signature)) return
  if (signatures.length >= SIGNATURES_MAX) signatures.shift()
  signatures.push(signature)
}

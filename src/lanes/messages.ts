/** What the receiving thread and a lane tell each other. Everything here crosses threads: plain data, frames in
 * memory that both see and one uses at a time, and deflated blocks, whose memory is transferred. */
import type { Block, Format } from '../contracts.ts'
import type { DeflateChoice } from '../encode/deflate.ts'
import type { EncodeOptions } from '../encode/options.ts'
import type { Template } from '../parse/template/template.ts'
import type { FilterOptions } from '../process/filter.ts'
import type { PrivacyOptions } from '../process/privacy.ts'
import type { TapFilter, TapSample } from '../telemetry/tap.ts'
import type { LagCounts } from './event-lag.ts'

/** A configured source as a lane needs it. */
export interface LaneSource {
  name: string
  /** Parser id, or `auto`. */
  appliance: string
  /** Makes the parser instead of `appliance`. */
  template?: Template
  format: Format
  timeZone: string
  encode: EncodeOptions
  /** Every line is also kept as it came, in blocks for the archive. */
  archivesLines?: boolean
}

/** What a lane is made of. */
export interface LaneSpec {
  sources: LaneSource[]
  filter: FilterOptions
  /** Starts and running totals of connections whose end is sent are dropped. */
  onePerConnection: boolean
  privacy: PrivacyOptions
  /** Deflate level 0–9. */
  compressionLevel: number
  /** Which library deflates; without it the fastest that is there. */
  deflate?: DeflateChoice
}

/** An open intake and the indexes of the sources that may take its frames. */
export type IntakeSources = readonly [intake: number, candidates: readonly number[]]

/** A flush is answered by \`flushed\`, and so is a change of the specification: with the last blocks of the old one. */
export type ToLane =
  /** `opens`: intakes that the lane meets in this block first. */
  | { type: 'block'; memory: SharedArrayBuffer; count: number; used: number; opens: IntakeSources[] }
  /** No further frames of these will come. */
  | { type: 'close'; intakes: number[] }
  | { type: 'flush'; id: number }
  | { type: 'configure'; id: number; spec: LaneSpec; intakes: IntakeSources[] }
  /** Shows frames that these filters want with each block from now on; none: no more. */
  | { type: 'watch'; filters: TapFilter[] }
  /** A load has ended: garbage can go. */
  | { type: 'rest' }
  | { type: 'stop' }

export type FromLane =
  | { type: 'ready' }
  | { type: 'done'; memory: SharedArrayBuffer; frames: number; blocks: Block[]; pins: Pin[]; taps: TapSample[] }
  | { type: 'flushed'; id: number; blocks: Block[]; stats: LaneStats }

/** Whether an intake must stay on its lane, because one of its formats keeps state. */
export interface Pin {
  intake: number
  pinned: boolean
}

/** Counts since the lane started. */
export interface LaneStats {
  frames: number
  bytes: number
  busyMs: number
  sources: LaneSourceStats[]
  samples: Sample[]
}

export interface LaneSourceStats {
  /** Name of the source; NO_SOURCE for frames that no source takes. */
  source: string
  frames: number
  bytes: number
  parsed: number
  unidentified: number
  written: number
  writtenBytes: number
  /** Dropped records by reason. */
  dropped: [reason: string, count: number][]
  /** What normalisation put right or left out. */
  corrections: [correction: string, count: number][]
  /** How many written records have each of ATTRIBUTES (process/attributes.ts), in that order. */
  attributes: number[]
  /** Frames by parser: parsed, and skipped and malformed by reason. */
  outcomes: [outcome: 'parsed' | 'skipped' | 'malformed', parser: string, reason: string, count: number][]
  /** Arrival of written records less their event time; raw lines have none. */
  lag: LagCounts
  lastEventMs: number
  lastSeenMs: number
}

/** A frame that gave no record, kept to be looked at. */
export interface Sample {
  atMs: number
  /** Name of the source, or NO_SOURCE. */
  source: string
  outcome: 'malformed' | 'unidentified' | 'rejected'
  parser: string
  reason: string
  /** The first bytes of the frame. */
  text: string
}

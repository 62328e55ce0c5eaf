/**
 * The normalised record: one log line about one outbound transaction. Parsers fill it, processors judge it, encoders write it.
 *
 * It exists in two shapes. `TrafficRecord` is the plain object for people, tests and cold paths. `RecordFields` is the same
 * record on the hot path: text stays where it is, as byte ranges of one buffer, and becomes a string only when a rule needs one.
 */

export type Action = 'allowed' | 'blocked'

/** All twelve properties are always present, in this order, so that all records share one object shape. */
export interface TrafficRecord {
  /** Event time, integer milliseconds since 1970 UTC; end of the connection when the log has both ends. */
  time: number
  /** Client address before source NAT: canonical IPv4 or RFC 5952 IPv6. */
  srcIp: string | undefined
  /** User behind the client, at most 256 characters. */
  user: string | undefined
  /** Name of the client machine, never of the appliance, at most 256 characters. */
  device: string | undefined
  /** Server address after destination NAT. */
  dstIp: string | undefined
  /** 1–65535. */
  dstPort: number | undefined
  /** Host of the server: lower case, ASCII, no port, no trailing dot, at most 253 characters. */
  dstHost: string | undefined
  /** Absolute URL, ASCII, without credentials and fragment, at most 2048 bytes. */
  url: string | undefined
  /** Client to server. */
  uploadedBytes: number | undefined
  /** Server to client. */
  downloadedBytes: number | undefined
  totalBytes: number | undefined
  action: Action | undefined
}

/** Indexes of the text fields of `RecordFields`. */
export const SRC_IP = 0
export const USER = 1
export const DEVICE = 2
export const DST_IP = 3
export const DST_HOST = 4
export const URL = 5
export const TEXT_FIELD_COUNT = 6

export type TextField = typeof SRC_IP | typeof USER | typeof DEVICE | typeof DST_IP | typeof DST_HOST | typeof URL

/** Indexes of the numbers of `RecordFields`. */
export const TIME = 0
export const DST_PORT = 1
export const UPLOADED = 2
export const DOWNLOADED = 3
export const TOTAL = 4
export const NUMBER_FIELD_COUNT = 5

export type NumberField = typeof TIME | typeof DST_PORT | typeof UPLOADED | typeof DOWNLOADED | typeof TOTAL

/** Values of `RecordFields.action`. */
export const ACTION_ABSENT = 0
export const ACTION_ALLOWED = 1
export const ACTION_BLOCKED = 2
/** The appliance said a word that is in no table: absent in the record, counted. */
export const ACTION_UNKNOWN = 3

/** Values of `RecordFields.scheme`. */
export const SCHEME_UNKNOWN = 0
export const SCHEME_HTTP = 1
export const SCHEME_HTTPS = 2
export const SCHEME_FTP = 3

/**
 * Values of `RecordFields.phase`. One connection must count once: a start counts only while its intake has shown no end, and an
 * interim line, which carries running totals, never does (process/phases.ts).
 */
export const PHASE_WHOLE = 0
export const PHASE_START = 1
export const PHASE_INTERIM = 2
export const PHASE_END = 3

/** Names of the text fields, by index. */
export const TEXT_FIELD_NAMES = ['srcIp', 'user', 'device', 'dstIp', 'dstHost', 'url'] as const

/** Where the ranges and numbers of a record lie. */
export interface RecordMemory {
  start: Int32Array
  end: Int32Array
  numbers: Float64Array
  isInLane: boolean
}

const ownMemory = (): RecordMemory => ({
  start: new Int32Array(TEXT_FIELD_COUNT).fill(-1),
  end: new Int32Array(TEXT_FIELD_COUNT),
  numbers: new Float64Array(NUMBER_FIELD_COUNT),
  isInLane: false
})

/**
 * The record of the frame at hand, as byte ranges of `buf`. One object serves all lines of a lane: whoever reads it must not
 * keep it. Text that is not in the frame as it should be (unescaped, composed, lower-cased) is written into the scratch
 * region of the same buffer, so that every field is a range of one buffer. Hot path: every field of every line passes here.
 */
export class RecordFields {
  buf: Buffer = Buffer.alloc(0)
  /** Start offset of each text field, -1 when absent. */
  readonly start: Int32Array
  /** End offset (exclusive) of each text field. */
  readonly end: Int32Array
  /** `TIME` in ms (NaN when absent), the others -1 when absent; zero is a real zero. A typed array keeps doubles unboxed. */
  readonly numbers: Float64Array
  /** Ranges and numbers lie where vector code reads them (src/lib/lane-record.ts). */
  readonly isInLane: boolean
  action = ACTION_ABSENT
  /** Scheme of a URL that is logged without one, when the line tells it otherwise: one of SCHEME_… */
  scheme = SCHEME_UNKNOWN
  /** Which line of its connection this is: one of PHASE_… */
  phase = PHASE_WHOLE
  /** Where the query of the URL starts, or the URL ends that has none; -1 while nobody has looked for it. */
  urlQuery = -1
  /**
   * The record is already as `finalize` (src/process/finalize.ts) would leave it, which then asks only whether its time is possible. Who sets
   * this promises every invariant kept there: texts, that need no cleaning and are no placeholders; the URL, that is normalised, with the host or
   * address that is the record's, and `urlQuery`; time, port and counts, that are whole and in range, with the third of three counts; an action
   * that is not ACTION_UNKNOWN; a client and a destination.
   */
  isFinal = false
  /** Why the frame was skipped or is malformed; empty while all is well. */
  reason = ''
  /** Next free byte of the scratch region, and its end. */
  scratch = 0
  scratchEnd = 0

  constructor(memory: RecordMemory = ownMemory()) {
    this.start = memory.start
    this.end = memory.end
    this.numbers = memory.numbers
    this.isInLane = memory.isInLane
  }

  /** Forgets the last frame. `scratch`…`scratchEnd` is a region of `buf` that holds no frame. */
  reset(buf: Buffer, scratch: number, scratchEnd: number): void {
    this.buf = buf
    this.scratch = scratch
    this.scratchEnd = scratchEnd
    const start = this.start
    start[0] = -1
    start[1] = -1
    start[2] = -1
    start[3] = -1
    start[4] = -1
    start[5] = -1
    const numbers = this.numbers
    numbers[0] = Number.NaN
    numbers[1] = -1
    numbers[2] = -1
    numbers[3] = -1
    numbers[4] = -1
    this.action = ACTION_ABSENT
    this.scheme = SCHEME_UNKNOWN
    this.phase = PHASE_WHOLE
    this.urlQuery = -1
    this.isFinal = false
    this.reason = ''
  }

  has(field: TextField): boolean {
    return this.start[field]! >= 0
  }

  /** Sets a text field to the bytes `start`…`end` of `buf`; an empty range means absent. */
  set(field: TextField, start: number, end: number): void {
    if (start < end) {
      this.start[field] = start
      this.end[field] = end
    } else this.start[field] = -1
  }

  clear(field: TextField): void {
    this.start[field] = -1
  }

  /** Sets a text field to a string, which is written to the scratch region. Too long for it: the field is absent. */
  setText(field: TextField, text: string): void {
    const start = this.write(text)
    if (start < 0) this.start[field] = -1
    else this.set(field, start, this.scratch)
  }

  /** Appends a string to the scratch region as UTF-8; returns where it starts, or -1 when there is no room. */
  write(text: string): number {
    const start = this.scratch
    if (text.length * 3 > this.scratchEnd - start) return -1
    this.scratch = start + this.buf.write(text, start, 'utf8')
    return start
  }

  /** The field as a string, or undefined. Cold path only. */
  text(field: TextField): string | undefined {
    const start = this.start[field]!
    return start < 0 ? undefined : this.buf.toString('utf8', start, this.end[field])
  }

  /** A plain copy of the record. Cold path only. */
  toRecord(): TrafficRecord {
    const count = (field: NumberField): number | undefined => (this.numbers[field]! < 0 ? undefined : this.numbers[field])
    return {
      time: this.numbers[TIME]!,
      srcIp: this.text(SRC_IP),
      user: this.text(USER),
      device: this.text(DEVICE),
      dstIp: this.text(DST_IP),
      dstPort: count(DST_PORT),
      dstHost: this.text(DST_HOST),
      url: this.text(URL),
      uploadedBytes: count(UPLOADED),
      downloadedBytes: count(DOWNLOADED),
      totalBytes: count(TOTAL),
      action: this.action === ACTION_ALLOWED ? 'allowed' : this.action === ACTION_BLOCKED ? 'blocked' : undefined
    }
  }
}

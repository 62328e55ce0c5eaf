/**
 * What the rooms of the walk hand each other. A room imports these types and never another room; `pipeline.ts` joins them.
 */
import type { RecordFields } from './record.ts'

// ── limits that several rooms share ──────────────────────────────────────────────────────────────────────────────────────────

/** Longest frame in bytes; a longer one is cut once, counted, and its tail thrown away. */
export const FRAME_MAX_BYTES = 64 * 1024
/** Longest line an encoder may write (record.md section 4). */
export const ENCODED_LINE_MAX_BYTES = 8 * 1024
/** Free bytes an encoder must be given: more than the longest line can take before it is measured and refused. */
export const ENCODE_ROOM_BYTES = 24 * 1024

// ── receivers → pipeline ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** What one sender may do per second. 0: as much as it likes. */
export interface RateLimits {
  framesPerSecond: number
  bytesPerSecond: number
}

/** Who sent: the address is a hint for grouping and binding, never a path or a metric label. */
export interface Peer {
  /** Name of the receiver, as in the configuration. */
  receiver: string
  /** `syslog-udp`, `syslog-tcp`, `syslog-tls`, `relp`, `ftp`, `file`, `http`, … */
  protocol: string
  /** IP address of the sender (IPv4 in its plain form), or a file path for files. */
  address: string
  /** Source that the receiver binds this intake to (FTP directory, HTTP path), when it does. */
  source?: string
  /** What the address may send to this receiver by all its intakes; absent: as much as it likes. */
  rate?: RateLimits
  /** The receiver tells the sender by itself when to come again: `accept` does not wait for what was too much. */
  overdraws?: true
}

/**
 * How frames lie in the bytes: `syslog-stream` tells newline and octet counting apart per frame; `datagram` is one frame a
 * chunk; `lines` is newline only (files); `json` is an array, objects or NDJSON, one frame an object.
 */
export type Framing = 'syslog-stream' | 'datagram' | 'lines' | 'json'

/** One connection, file, request body, or UDP sender. Calls never overlap except where said. */
export interface Intake {
  /**
   * Takes a chunk; the bytes are lent until the call returns. Returns undefined when there is room for more, else a promise
   * that resolves when there is: the receiver reads no further until then (UDP, which cannot wait, goes on and the frames
   * are shed and counted).
   */
  accept(chunk: Uint8Array): Promise<void> | undefined
  /** How long this sender should wait for the rate that it may send at, in ms; 0 while it is within it. `accept` waits for it, unless the peer overdraws. */
  debtMs(): number
  /**
   * The receipt without an end: resolves when every whole frame accepted before the call would survive a power cut.
   * Rejects with a CollectorError when that cannot be promised. May be called while `accept` goes on.
   */
  commit(): Promise<void>
  /** Delivers a last frame without trailer, then as `commit`; the intake takes nothing afterwards. */
  end(): Promise<void>
  /** The sender vanished in the middle: a partial frame is thrown away and counted. */
  abort(): void
}

export type OpenIntake = (peer: Peer, framing: Framing) => Intake

/** Whole frames of several intakes, laid out as lib/frame-block.ts says. The memory goes along with it. */
export interface FilledBlock {
  memory: SharedArrayBuffer
  /** Frames in it, and bytes of its data. */
  count: number
  used: number
  /** Of the frames, those that the kernel had cut already. */
  truncated: number
}

/**
 * Takes a block that a receiver filled in a thread of its own; the frames name their intakes by the keys of `intakes`. Resolves
 * when there was room, with the memory of an empty block in exchange. Calls do not overlap.
 */
export type TakeBlock = (block: FilledBlock, intakes: ReadonlyMap<number, Intake>) => Promise<SharedArrayBuffer>

export type ReceiverState = 'stopped' | 'listening' | 'paused' | 'failed'

/**
 * What may hold senders of a receiver back; labels of a metric.
 *
 *   spool_full, lanes_busy   there is no room: who can wait does, others are put off
 *   commit_pending           lines that were taken must become durable before more are read
 *   rate_limit               senders that were faster than they may be wait
 *   connection_limit         further connections are refused
 *   request_limit            further requests are put off
 *   upstream_error           what is fetched from (a server, a folder) fails; it is tried again
 */
export const PAUSE_REASONS = [
  'spool_full',
  'lanes_busy',
  'commit_pending',
  'rate_limit',
  'connection_limit',
  'request_limit',
  'upstream_error'
] as const

/** `no_room`: an intake makes its sender wait; the pipeline knows for what and says that instead. */
export type PauseReason = (typeof PAUSE_REASONS)[number] | 'no_room'

/** A listener as status, metrics and page show it. */
export interface ReceiverStatus {
  name: string
  protocol: string
  /** Where it listens, as host:port, or the folder it watches. */
  address: string
  state: ReceiverState
  /** Why it is paused or failed. */
  reason?: string
  /** All that holds senders back just now, also where the receiver as a whole goes on. */
  pauses?: readonly PauseReason[]
  connections: number
  /** Monotonic counts by metric-label name, such as `connections_total`, `received_bytes_total`, `refused_total`. */
  counters: Record<string, number>
  /** Current values, such as `receive_buffer_granted_bytes`. */
  gauges?: Record<string, number>
  /** Senders heard lately, those with the most bytes first; the pipeline adds them, and bounds them. */
  peers?: PeerStatus[]
  /** How many senders are known, those not listed included. */
  peersKnown?: number
}

/** A sender of a listener. */
export interface PeerStatus {
  /** IP address, or the path of a file. */
  address: string
  frames: number
  bytes: number
  /** Connections, files or bodies open now. */
  open: number
  lastSeenMs: number
}

/** A thing with a socket or a folder. */
export interface Receiver {
  readonly name: string
  /** Binds and begins. Rejects with CollectorError LISTEN_FAILED naming the address and the remedy. */
  start(open: OpenIntake, take: TakeBlock): Promise<void>
  /** Stops accepting, ends the intakes it has, resolves when all their bytes were handed over or the signal fires. */
  stop(deadline: AbortSignal): Promise<void>
  /** One entry per listener. */
  status(): ReceiverStatus[]
}

// ── framing ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Called once per frame with its bytes, without trailer; they are lent until it returns. */
export type OnFrame = (buf: Buffer, start: number, end: number) => void

/** Cuts chunks into frames and carries a partial frame over. One per intake. */
export interface Framer {
  feed(chunk: Buffer, onFrame: OnFrame): void
  /** End of input: delivers a last frame that has no trailer. */
  end(onFrame: OnFrame): void
  readonly stats: FramerStats
}

export interface FramerStats {
  /** Frames cut at the length cap. */
  truncated: number
  /** Bytes thrown away: tails of cut frames, bytes skipped while resynchronising. */
  discardedBytes: number
  /** Octet counts that were no good; the framer went on at the next newline. */
  resynchronised: number
  /** Frames by kind. */
  newline: number
  octetCounted: number
}

// ── frame, parser ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Where a time zone is needed to read a clock without offset. */
export interface Zone {
  readonly name: string
  /** Milliseconds since 1970 UTC of a wall-clock time given as if it were UTC. */
  toUtc(wallMs: number): number
}

/**
 * The frame at hand, with what the syslog header said. One object serves all lines of a lane. `buf[end]` is readable and is
 * a line feed, or the CR or NUL of a trailer, so a scan may look one byte past the frame. What lies behind that, or before `start`, is of
 * other frames: an answer must not depend on it (test/parse/surroundings).
 */
export interface Frame {
  /** Another number for each frame that this object was pointed at. */
  serial: number
  buf: Buffer
  /** The whole frame as it came, byte-order mark removed. */
  start: number
  end: number
  /** Start of the message after PRI, time and host of a syslog header; a tag such as `squid[12]:` is still there. */
  body: number
  /** Syslog severity and facility (`-1` without PRI). */
  pri: number
  /** Range of the header's timestamp, -1 when there is none. */
  timeStart: number
  timeEnd: number
  /** Range of the header's host, -1 when there is none. */
  hostStart: number
  hostEnd: number
  /** RFC 5424 header: version digit seen and fields valid. */
  rfc5424: boolean
  /** Ranges of RFC 5424 APP-NAME, MSGID and STRUCTURED-DATA (with its brackets), -1 when absent or nil. */
  appStart: number
  appEnd: number
  msgIdStart: number
  msgIdEnd: number
  sdStart: number
  sdEnd: number
  /** Offset of `CEF:` and of `LEEF:` near the start of the frame, -1 when not there, -2 when not looked for yet (parse/header-marks.ts). */
  cef: number
  leef: number
  /** Zone of clocks without offset, by the source's configuration. */
  zone: Zone
  /** Now in ms, for years that are not in the line. */
  now: number
}

export type Outcome = 'parsed' | 'skipped' | 'malformed'

/** One appliance's log. `parsers/<id>.ts` exports it as default. */
export interface Parser<State = unknown> {
  /** File name, fixture folder, configuration value. */
  readonly id: string
  /** The product as people know it. */
  readonly appliance: string
  /** Generic parsers are asked last. */
  readonly generic?: boolean
  /**
   * For generic parsers, which would take lines that a specific parser reads better: a number that differs when another parser
   * may have to be asked (the vendor and product of a CEF header, say). Without it all specific parsers are asked for each frame.
   */
  signature?(frame: Frame): number
  /** Its lines are passed on as they came; there is no record to normalise. */
  readonly passThrough?: boolean
  /** State per intake (a header row, a connection table); its frames then stay on one lane. */
  newState?(): State
  /**
   * True when the frame is this appliance's, by its bytes. Runs per frame for a sticky peer: keep it a few comparisons. The
   * state is undefined until a frame of this intake was recognised.
   */
  recognizes(frame: Frame, state: State | undefined): boolean
  /** Fills `out` (freshly reset) and says what the frame is; for skipped and malformed sets `out.reason`. Never throws. */
  parse(frame: Frame, out: RecordFields, state: State): Outcome
}

// ── process, encode ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Formats of upload files. */
export type Format = 'cef' | 'leef' | 'w3c' | 'csv' | 'raw'

/** Writes records as lines of one format. Hot path. */
export interface Encoder {
  readonly format: Format
  /** Lines at the head of every file (directives, header row), or empty. */
  readonly prelude: Buffer
  /**
   * Writes the record as one line, line feed included, to `out` at `at`, where at least ENCODE_ROOM_BYTES are free.
   * Returns the end offset, or -1 when the line would be longer than that.
   */
  encode(record: RecordFields, out: Buffer, at: number): number
}

/** Some records of one source, serialised and deflated; the unit that a lane hands to the spool. */
export interface Block {
  source: string
  format: Format
  /** Raw deflate that ends on a byte boundary (sync flush) and starts without history. */
  bytes: Uint8Array
  /** Their CRC-32. */
  deflatedCrc32: number
  /** Size before deflate, and the CRC-32 of that. */
  rawLength: number
  crc32: number
  recordCount: number
  /** Smallest and largest event time, ms. */
  firstTime: number
  lastTime: number
  /** Lines as they were received, for the archive alone: the tenant's spool never gets them. */
  forArchive?: true
}

// ── spool ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Steps of a segment, each persisted: `open` (being written) → `closed` → `issued` (url known) → `stored` (bytes are in the
 * blob) → `finalising` (third call sent, answer unknown) → `done`. `set-aside`: damaged or refused for good.
 */
export type SegmentStep = 'open' | 'closed' | 'issued' | 'stored' | 'finalising' | 'done' | 'set-aside'

export interface Segment {
  /** File-safe, sorts by age. */
  id: string
  source: string
  format: Format
  step: SegmentStep
  /** Absolute path of the gzip file. */
  path: string
  createdMs: number
  closedMs: number
  /** Size of the gzip file. */
  bytes: number
  rawBytes: number
  recordCount: number
  firstTime: number
  lastTime: number
  /** Set from `issued` on. */
  uploadUrl?: string
  provider?: string
  /** Why it was set aside. */
  reason?: string
  /** Finalise calls whose answer never came. */
  ambiguousFinalises: number
}

/** What the upload room needs of the spool. */
export interface UploadQueue {
  /** Ids of segments that wait (closed … finalising), oldest first. */
  waiting(): string[]
  /** Source of a segment that waits; undefined while its ledger is not read (at the start they are read in the background). */
  sourceOf(id: string): string | undefined
  /** Resolves at the next change of the waiting list or of what is known of it, or when the signal fires. */
  changed(signal: AbortSignal): Promise<void>
  /** Reads a segment's ledger; undefined when it is gone. */
  segment(id: string): Promise<Segment | undefined>
  /** Persists a step (durable before it resolves). */
  advance(id: string, step: 'issued' | 'stored' | 'finalising' | 'closed', facts?: { uploadUrl?: string; provider?: string }): Promise<void>
  /**
   * Before the bytes leave: compares the file with its ledger. Undefined when it is sound. Else says the fault: the segment is
   * set aside by then, and its sound blocks wait as another one.
   */
  inspect(id: string): Promise<string | undefined>
  /**
   * Too large for the service: two segments, cut between two blocks, wait in its place. False when it is a single block, which is left
   * as it is. The caller has inspected it.
   */
  split(id: string): Promise<boolean>
  /** The service has it: archive it (bounded) or remove it. */
  done(id: string): Promise<void>
  /** Never to be uploaded as it is; kept for a person. */
  setAside(id: string, reason: string): Promise<void>
}

/** What the pipeline needs of the spool. */
export interface Spool {
  /**
   * Appends a block to its source's open segment. Order per source is kept. False when it was shed, because neither disk nor
   * memory has room: nobody may get a receipt for its records. Other trouble shows in `commit`.
   */
  append(block: Block): boolean
  /** Resolves when everything appended before the call is durable. */
  commit(): Promise<void>
  /** What was appended becomes durable now, and not only at the end of the commit interval. */
  hurry(): void
  /** Above the high-water mark: receivers with backpressure stop. */
  readonly full: boolean
  /** Closes all open segments that hold records. */
  closeAll(): Promise<void>
}

// ── upload ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Takes whole segments out of the building. */
export interface Destination {
  upload(segment: Segment, queue: UploadQueue, signal: AbortSignal): Promise<void>
}

/** What the spool room is given; the defaults are house.md section 5. */
import type { Format } from '../contracts.ts'
import { nodeIo, type SpoolIo } from './io.ts'

/** The part of a pino logger that the spool uses. */
export interface SpoolLog {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

export interface SpoolOptions {
  /** Directory of the spool; made when missing. */
  dir: string
  /** Most bytes of all files together. */
  maxBytes: number
  /** `full` from this share of the capacity on. @default 0.9 */
  highWater?: number
  /** Not `full` any more below this share. @default 0.8 */
  lowWater?: number
  /** Bytes of the disk that are left to others. @default 256 MiB */
  diskReserveBytes?: number
  /** A segment is closed before its gzip file grows beyond. @default 48 MiB */
  segmentMaxBytes?: number
  /** A segment is closed before its inflated content grows beyond. @default 900,000,000 */
  segmentMaxRawBytes?: number
  /** Age at which a segment with records is closed. @default 300,000 */
  flushIntervalMs?: number
  /** Longest wait of an appended block for its fdatasync to begin. @default 200 */
  commitIntervalMs?: number
  /** Blocks that wait for the disk may hold this many bytes before the spool is `full`; at twice as many blocks are shed. @default 64 MiB */
  queueMaxBytes?: number
  /** Segments kept after their upload. @default 20 */
  archiveCount?: number
  /** @default 1 GiB */
  archiveMaxBytes?: number
  /** Archived segments that were begun longer ago are removed; 0 keeps them. @default 7 days */
  archiveMaxAgeMs?: number
  /** Lines at the head of a file of this source and format; may be empty. A change of them begins a new segment. @default none */
  preludes?: (source: string, format: Format) => Buffer
  log?: SpoolLog
  /** The disk; another one only in tests. */
  io?: SpoolIo
  /** Wall clock, ms. @default Date.now */
  now?: () => number
}

const MiB = 1024 * 1024
const NO_PRELUDE = Buffer.alloc(0)
const ignore = (): void => undefined

export function withDefaults(options: SpoolOptions): Required<SpoolOptions> {
  return {
    highWater: 0.9,
    lowWater: 0.8,
    diskReserveBytes: 256 * MiB,
    segmentMaxBytes: 48 * MiB,
    segmentMaxRawBytes: 900_000_000,
    flushIntervalMs: 300_000,
    commitIntervalMs: 200,
    queueMaxBytes: 64 * MiB,
    archiveCount: 20,
    archiveMaxBytes: 1024 * MiB,
    archiveMaxAgeMs: 7 * 86_400_000,
    preludes: () => NO_PRELUDE,
    log: { info: ignore, warn: ignore, error: ignore },
    io: nodeIo,
    now: Date.now,
    ...options
  }
}

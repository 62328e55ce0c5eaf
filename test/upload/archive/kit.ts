/** Segments on disk and what is needed to take them to a store. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import type { Segment } from '../../../src/contracts.ts'
import { SegmentSpool } from '../../../src/spool/spool.ts'
import { syncIo } from '../../../src/spool/sync-io.ts'
import { ArchiveDestination } from '../../../src/upload/archive/archive-destination.ts'
import type { ArchiveStore } from '../../../src/upload/archive/store.ts'
import { chooseZstd } from '../../../src/upload/archive/zstd.ts'
import { UploadStats } from '../../../src/upload/stats.ts'
import { blockOf } from '../../spool/blocks.ts'
import { scratchDir } from '../../test-dir.ts'

export const scratch = (): string => scratchDir('archive')

export interface Setup {
  spool: SegmentSpool
  destination: ArchiveDestination
  stats: UploadStats
  dir: string
  /** A closed segment of these lines. */
  segment(source: string, lines: string[]): Promise<Segment>
}

export async function setUp(store: ArchiveStore): Promise<Setup> {
  const dir = scratch()
  const options = { maxBytes: 1e9, diskReserveBytes: 0, commitIntervalMs: 5, flushIntervalMs: 3_600_000, archiveCount: 0 }
  const spool = await SegmentSpool.open({ dir: join(dir, 'spool'), io: syncIo, ...options })
  const workDir = join(dir, 'work')
  mkdirSync(workDir)
  const stats = new UploadStats()
  const path = '{source}/{date}/{id}.{format}.zst'
  const zstd = chooseZstd()
  return {
    spool,
    stats,
    dir,
    destination: new ArchiveDestination({ store, stats, zstd, level: 1, path, workDir, collector: '9f3a2c11' }),
    async segment(source, lines) {
      const before = new Set(spool.waiting())
      spool.append(blockOf(source, lines))
      await spool.closeAll()
      const id = spool.waiting().find(id => !before.has(id))!
      return (await spool.segment(id))!
    }
  }
}

/** As any reader would: Debian's zstd checks the checksum. */
export const linesOfZst = (bytes: Buffer): string[] => zstdDecompressSync(bytes).toString().split('\n').slice(0, -1)

export function zstdTest(path: string): void {
  execFileSync('zstd', ['-q', '-t', path])
}

export const readLines = (path: string): string[] => linesOfZst(readFileSync(path))

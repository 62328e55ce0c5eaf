/** What the spool tests share: blocks as the lanes make them, a scratch directory, and ways to read files back. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32, gunzipSync } from 'node:zlib'
import type { Block, Format } from '../../src/contracts.ts'
import { deflatePiece } from '../../src/spool/gzip-member.ts'
import type { Folder } from '../../src/spool/layout.ts'
import type { SpoolOptions } from '../../src/spool/options.ts'
import { SegmentSpool } from '../../src/spool/spool.ts'
import { scratchDir } from '../test-dir.ts'

export const DAY_MS = 1_790_000_000_000

/** Waits until the condition holds; the test's own time limit ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10)
}

/** A block of the given lines; a line feed is put behind each. */
export function blockOf(source: string, lines: readonly string[], format: Format = 'cef'): Block {
  const raw = Buffer.from(lines.map(line => `${line}\n`).join(''))
  const bytes = deflatePiece(raw)
  return {
    source,
    format,
    bytes,
    deflatedCrc32: crc32(bytes),
    rawLength: raw.length,
    crc32: crc32(raw),
    recordCount: lines.length,
    firstTime: DAY_MS,
    lastTime: DAY_MS + lines.length
  }
}

export function scratchDirectory(): string {
  return join(scratchDir('spool'), 'spool')
}

/** A spool with short intervals; nothing closes by age unless asked for. */
export function openSpool(dir: string, more: Partial<SpoolOptions> = {}): Promise<SegmentSpool> {
  return SegmentSpool.open({ dir, maxBytes: 1e9, diskReserveBytes: 0, commitIntervalMs: 5, flushIntervalMs: 3_600_000, ...more })
}

/** Lines of all segments of the folders, read through the ledgers, sorted. */
export async function linesOf(spool: SegmentSpool, folders: readonly Folder[] = ['open', 'closed']): Promise<string[]> {
  const lines: string[] = []
  for await (const segment of spool.reader.list(folders)) {
    for await (const line of spool.reader.lines(segment.id, { prelude: false })) lines.push(line.toString())
  }
  return lines.sort()
}

/** Closes everything and returns the lines of the finished files as gunzip sees them, sorted. */
export async function finishedLines(spool: SegmentSpool): Promise<string[]> {
  await spool.closeAll()
  const lines: string[] = []
  for (const id of spool.waiting()) {
    const segment = await spool.segment(id)
    lines.push(...gunzipSync(readFileSync(segment!.path)).toString().split('\n').slice(0, -1))
  }
  return lines.sort()
}

export function zcat(path: string): Buffer {
  return execFileSync('zcat', [path], { maxBuffer: 1e9 })
}

export function pythonGunzip(path: string): Buffer {
  const program = 'import gzip,sys; sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())'
  return execFileSync('python3', ['-c', program, path], { maxBuffer: 1e9 })
}

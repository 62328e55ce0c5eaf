/** A spool that the tenant has not taken yet: how long the start takes with many segments, and what a backlog costs that drains meanwhile. */
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Block } from '../src/contracts.ts'
import { chooseDeflater } from '../src/encode/deflate.ts'
import { SegmentSpool } from '../src/spool/spool.ts'
import { newFolder, startSluice } from './collectors.ts'
import { makeLines } from './lines.ts'
import { countLines } from './sender.ts'
import { linesOf, tcpRound } from './whole-path.ts'

const SOURCE = 'sluice'
const SEGMENT_MAX_BYTES = 48 * 1024 * 1024

function blockOf(lines: Buffer): Block {
  const deflated = chooseDeflater('auto').deflateBlock(lines, 1)
  const now = Date.now()
  return {
    source: SOURCE,
    format: 'cef',
    ...deflated,
    rawLength: lines.length,
    recordCount: countLines(lines),
    firstTime: now,
    lastTime: now
  }
}

export interface BacklogResult {
  gigabytes: number
  /** Throughput with an empty spool, and while the backlog drains. */
  emptyMegabytesPerSecond: number
  drainingMegabytesPerSecond: number
  /** Since the start of the process. */
  uploadedSegments: number
  uploadedMegabytesPerSecond: number
}

/** A spool of so many gigabytes drains at the tenant's 20 requests a minute beside a TCP load at full speed. */
export async function backlogResult(gigabytes: number, bytes: number): Promise<BacklogResult> {
  const empty = await roundWith(newFolder(), bytes)
  const dir = newFolder()
  const spool = await SegmentSpool.open({ dir, maxBytes: 1e12, segmentMaxBytes: SEGMENT_MAX_BYTES, commitIntervalMs: 1000 })
  const block = blockOf(makeLines('cef', 256 * 1024))
  for (let written = 0, blocks = 0; written < gigabytes * 1e9; written += block.bytes.length) {
    if (!spool.append(block)) throw new Error('The spool shed a block of the bench')
    if (++blocks % 200 !== 0) continue
    spool.hurry()
    await spool.commit()
  }
  await spool.closeAll()
  await spool.close()
  const draining = await roundWith(dir, bytes)
  return {
    gigabytes,
    emptyMegabytesPerSecond: empty.megabytesPerSecond,
    drainingMegabytesPerSecond: draining.megabytesPerSecond,
    uploadedSegments: draining.segments,
    uploadedMegabytesPerSecond: draining.uploadedMegabytesPerSecond
  }
}

async function roundWith(
  dir: string,
  bytes: number
): Promise<{ megabytesPerSecond: number; segments: number; uploadedMegabytesPerSecond: number }> {
  const config = { spool: { dir, max_bytes: '100GiB' }, upload: { flush_interval: '1h', requests_per_minute: 20 } }
  const sluice = await startSluice(2, { config })
  try {
    const began = performance.now()
    await tcpRound(sluice, linesOf('fortinet-fortigate'), 32e6) // warm
    const round = await tcpRound(sluice, linesOf('fortinet-fortigate'), bytes)
    const { uploadedFiles, uploadedBytes } = (await sluice.status()).upload
    return {
      megabytesPerSecond: round.bytes / 1e6 / round.seconds,
      segments: uploadedFiles,
      uploadedMegabytesPerSecond: uploadedBytes / 1e3 / (performance.now() - began)
    }
  } finally {
    await sluice.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

export interface StartResult {
  segments: number
  secondsUntilReady: number
  residentMegabytes: number
}

/** From the start of the process until it is ready, with so many segments that wait. */
export async function startResult(segments: number): Promise<StartResult> {
  const dir = newFolder()
  await fill(dir, segments)
  const began = performance.now()
  const sluice = await startSluice(2, { config: { spool: { dir }, upload: { flush_interval: '1h', requests_per_minute: 1 } } })
  const secondsUntilReady = (performance.now() - began) / 1000
  const residentMegabytes = sluice.residentMemoryBytes() / 1e6
  await sluice.stop()
  rmSync(dir, { recursive: true, force: true })
  return { segments, secondsUntilReady, residentMegabytes }
}

/** One real segment, and copies of it under the names of others: a hundred thousand real ones would take as many syncs. */
async function fill(dir: string, segments: number): Promise<void> {
  const spool = await SegmentSpool.open({ dir, maxBytes: 1e12, commitIntervalMs: 1 })
  spool.append(blockOf(makeLines('cef', 4096)))
  await spool.closeAll()
  await spool.close()
  const closed = join(dir, 'closed')
  mkdirSync(closed, { recursive: true })
  const [first] = readdirSync(closed)
  const [id = ''] = first!.split('.')
  for (let i = 1; i < segments; i++) {
    const other = `${id.slice(0, 15)}${String(Number(id.slice(15)) + i).padStart(6, '0')}`
    for (const kind of ['gz', 'ledger']) copyFileSync(join(closed, `${id}.${kind}`), join(closed, `${other}.${kind}`))
  }
}

/** The spool by itself: blocks as the lanes make them, appended and made durable with fdatasync, a receipt waited for every few. */
import { rmSync } from 'node:fs'
import type { Block } from '../src/contracts.ts'
import { chooseDeflater } from '../src/encode/deflate.ts'
import { SegmentSpool } from '../src/spool/spool.ts'
import { scratchDir } from '../test/test-dir.ts'
import { makeLines } from './lines.ts'
import { median, ownCpuSeconds } from './measure.ts'
import { countLines } from './sender.ts'

export interface SpoolResult {
  /** MB of lines before compression per CPU-second, all threads, and per second. */
  megabytesPerCpuSecond: number
  megabytesPerSecond: number
  linesPerSecond: number
  syncs: number
}

const BLOCKS = 400
/** A receipt is waited for after so many blocks. */
const BLOCKS_PER_COMMIT = 20

export async function spoolResult(rounds: number): Promise<SpoolResult> {
  const raw = makeLines('cef', 256 * 1024)
  const deflated = chooseDeflater('auto').deflateBlock(raw, 1)
  const lines = countLines(raw)
  const block = (): Block => ({
    source: 'bench',
    format: 'cef',
    ...deflated,
    rawLength: raw.length,
    recordCount: lines,
    firstTime: 1,
    lastTime: 2
  })
  const cpu: number[] = []
  const wall: number[] = []
  let syncs = 0
  for (let round = 0; round <= rounds; round++) {
    const dir = scratchDir('bench')
    const spool = await SegmentSpool.open({ dir, maxBytes: 1e12, commitIntervalMs: 1 })
    const cpuBefore = ownCpuSeconds()
    const began = performance.now()
    for (let i = 1; i <= BLOCKS; i++) {
      if (!spool.append(block())) throw new Error('The spool shed a block of the bench')
      if (i % BLOCKS_PER_COMMIT === 0) await spool.commit()
    }
    if (round > 0) {
      cpu.push(ownCpuSeconds() - cpuBefore)
      wall.push((performance.now() - began) / 1000)
      syncs = spool.stats().sync.count
    }
    await spool.close()
    rmSync(dir, { recursive: true })
  }
  const megabytes = (raw.length * BLOCKS) / 1e6
  return {
    megabytesPerCpuSecond: megabytes / median(cpu),
    megabytesPerSecond: megabytes / median(wall),
    linesPerSecond: (lines * BLOCKS) / median(wall),
    syncs
  }
}

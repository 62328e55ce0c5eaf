/**
 * What zstd makes of an archive file, by library, level, size of frame, dictionary and threads: `node bench/zstd.ts`. zstd-napi is measured
 * where it can be loaded (docs/decisions: how it is brought), dictionaries where Debian's `zstd` can train one.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { constants, inflateRawSync, zstdCompressSync } from 'node:zlib'
import type { Block } from '../src/contracts.ts'
import { LaneEngine } from '../src/lanes/engine.ts'
import { FrameBlock } from '../src/lib/frame-block.ts'
import { loadParsers } from '../src/parse/load.ts'
import { scratchDir } from '../test/test-dir.ts'
import { type LineKind, makeLines } from './lines.ts'
import { median } from './measure.ts'

const BYTES = 16 * 1024 * 1024
const ROUNDS = 3

interface Compressor {
  compress(data: Buffer): Buffer
  setParameters(parameters: { compressionLevel: number; nbWorkers?: number }): void
  loadDictionary(data: Buffer): void
}

interface Sample {
  name: string
  data: Buffer
  records: number
}

/** The lines as they came, and the CEF records that a lane makes of them. */
async function samplesOf(kind: LineKind): Promise<Sample[]> {
  const lines = makeLines(kind, BYTES)
  const engine = new LaneEngine(
    {
      sources: [{ name: 'bench', appliance: 'auto', format: 'cef', timeZone: 'UTC', encode: {} }],
      filter: { dropInternal: false, outboundOnly: false, ownDomains: [], ownNetworks: [], maxAgeMs: 0, maxFutureMs: 0 },
      onePerConnection: true,
      privacy: { stripQuery: true, userFormat: 'asIs', userDomains: {} },
      compressionLevel: 1
    },
    await loadParsers()
  )
  engine.openIntake(0, [0])
  const blocks: Block[] = []
  const emit = (block: Block): void => void blocks.push(block)
  let frames = new FrameBlock()
  let start = 0
  let count = 0
  for (let end = lines.indexOf(10); end >= 0; end = lines.indexOf(10, start)) {
    if (frames.isFull) {
      engine.process(frames, emit)
      frames = new FrameBlock()
    }
    frames.append(lines, start, end, 0)
    count++
    start = end + 1
  }
  engine.process(frames, emit)
  engine.flush(emit)
  const cef = Buffer.concat(blocks.map(({ bytes }) => inflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })))
  const records = blocks.reduce((sum, { recordCount }) => sum + recordCount, 0)
  return [
    { name: `${kind}, CEF records`, data: cef, records },
    { name: `${kind}, raw lines`, data: lines, records: count }
  ]
}

/** Compresses the data in frames of so many bytes; returns bytes and MB/s of wall time. */
function measure(data: Buffer, frameBytes: number, compress: (frame: Buffer) => Buffer): { bytes: number; speed: number } {
  const speeds: number[] = []
  let bytes = 0
  for (let round = 0; round < ROUNDS; round++) {
    bytes = 0
    const began = performance.now()
    for (let at = 0; at < data.length; at += frameBytes) bytes += compress(data.subarray(at, at + frameBytes)).length
    speeds.push(data.length / 1e3 / (performance.now() - began))
  }
  return { bytes, speed: median(speeds) }
}

/** A dictionary of 110 KiB from every hundredth line of another sample of the kind, so that it has not seen the data. */
function trainDictionary(data: Buffer): Buffer | undefined {
  const dir = scratchDir('zstd')
  try {
    const lines = data.toString('latin1').split('\n')
    const names = lines
      .filter((_, index) => index % 10 === 0)
      .map((line, index) => {
        const name = join(dir, String(index))
        writeFileSync(name, `${line}\n`, 'latin1')
        return name
      })
    writeFileSync(join(dir, 'list'), names.join('\n'))
    const { status } = spawnSync('zstd', ['-q', '--train', '--filelist', join(dir, 'list'), '-o', join(dir, 'dictionary')])
    return status === 0 ? readFileSync(join(dir, 'dictionary')) : undefined
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const napi = ((): (new () => Compressor) | undefined => {
  try {
    return createRequire(join(process.cwd(), 'package.json'))('zstd-napi').Compressor
  } catch {
    return undefined
  }
})()

const row = (what: string, { data, records }: Sample, { bytes, speed }: { bytes: number; speed: number }): void =>
  console.log(
    `  ${what.padEnd(44)} ${(bytes / records).toFixed(2).padStart(8)} B/record  ${(data.length / bytes).toFixed(2).padStart(6)} x  ${speed.toFixed(0).padStart(5)} MB/s`
  )

const byNode = (level: number, dictionary?: Buffer) => (frame: Buffer) =>
  zstdCompressSync(frame, {
    params: { [constants.ZSTD_c_compressionLevel]: level },
    ...(dictionary === undefined ? {} : { dictionary })
  })

function byNapi(level: number, nbWorkers = 0): (frame: Buffer) => Buffer {
  const compressor = new napi!()
  compressor.setParameters({ compressionLevel: level, nbWorkers })
  return frame => compressor.compress(frame)
}

const MiB = 1024 * 1024
for (const kind of ['fortinet-fortigate', 'squid-native', 'zscaler-json'] as const) {
  for (const sample of await samplesOf(kind)) {
    console.log(`${sample.name}: ${(sample.data.length / sample.records).toFixed(0)} B/record as they are`)
    for (const level of [1, 3, 6, 9]) {
      row(`node:zlib, level ${level}, one frame`, sample, measure(sample.data, BYTES * 2, byNode(level)))
      if (napi !== undefined) row(`zstd-napi, level ${level}, one frame`, sample, measure(sample.data, BYTES * 2, byNapi(level)))
    }
    for (const threads of napi === undefined ? [] : [1, 2])
      row(`zstd-napi, level 3, one frame, ${threads} workers`, sample, measure(sample.data, BYTES * 2, byNapi(3, threads)))
    row('node:zlib, level 3, frames of 4 MiB', sample, measure(sample.data, 4 * MiB, byNode(3)))
    row('node:zlib, level 3, frames of 256 KiB', sample, measure(sample.data, MiB / 4, byNode(3)))
    const dictionary = trainDictionary(makeLines(kind, MiB, 2))
    if (dictionary !== undefined && sample.name.endsWith('raw lines')) {
      for (const frame of [MiB / 64, MiB / 4, BYTES * 2])
        row(`node:zlib, level 3, frames of ${frame / 1024} KiB, dictionary`, sample, measure(sample.data, frame, byNode(3, dictionary)))
      row('node:zlib, level 3, frames of 16 KiB', sample, measure(sample.data, MiB / 64, byNode(3)))
    }
  }
}

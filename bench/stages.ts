/** In-process cases: what each stage of the line path costs by itself, on the lines it sees in the whole. */
import { chooseDeflater, type DeflateChoice } from '../src/encode/deflate.ts'
import { newEncoder } from '../src/encode/encoder.ts'
import { FrameReader } from '../src/frame-reader.ts'
import { createFramer } from '../src/framing/framer.ts'
import type { IntakeIdentity } from '../src/identify/identifier.ts'
import { LaneEngine } from '../src/lanes/engine.ts'
import type { LaneSpec } from '../src/lanes/messages.ts'
import { FrameBlock } from '../src/lib/frame-block.ts'
import { loadParsers } from '../src/parse/load.ts'
import { UTC } from '../src/parse/values/zone.ts'
import { LINE_KINDS, makeLines } from './lines.ts'
import type { Stage } from './measure.ts'

const CHUNK_BYTES = 64 * 1024

/** zlib, and ISA-L where it is installed. */
const LIBRARIES: readonly DeflateChoice[] = chooseDeflater('auto').library === 'isal' ? ['zlib', 'isal'] : ['zlib']

export function blocksOf(data: Buffer): FrameBlock[] {
  const blocks: FrameBlock[] = []
  let block = new FrameBlock()
  let start = 0
  for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, start)) {
    if (block.isFull) {
      blocks.push(block)
      block = new FrameBlock()
    }
    block.append(data, start, end, 0)
    start = end + 1
  }
  blocks.push(block)
  return blocks
}

const framesOf = (blocks: readonly FrameBlock[]): number => blocks.reduce((sum, block) => sum + block.count, 0)

/** One source that takes every appliance, as CEF, with the filters that are on by default. */
export const BENCH_LANE: LaneSpec = {
  sources: [{ name: 'bench', appliance: 'auto', format: 'cef', timeZone: 'UTC', encode: {} }],
  filter: { dropInternal: true, outboundOnly: false, ownDomains: [], ownNetworks: [], maxAgeMs: 90 * 86_400_000, maxFutureMs: 600_000 },
  onePerConnection: true,
  privacy: { stripQuery: true, userFormat: 'asIs', userDomains: {} },
  compressionLevel: 1
}

/** Framing, reading (header, identify, parse, finalize) of each kind of line, each encoder, deflate, and the engine as a whole. Deflate and engine by each library. */
export async function stages(bytes: number): Promise<Stage[]> {
  const parsers = await loadParsers()
  const found: Stage[] = []
  for (const kind of LINE_KINDS) {
    const data = makeLines(kind, bytes)
    const blocks = blocksOf(data)
    const lines = framesOf(blocks)
    if (kind === 'fortinet-fortigate') found.push(...framingStages(data, lines))
    const reader = new FrameReader(parsers, [UTC])
    reader.frame.now = Date.now()
    const intake = reader.identifier.open(0, [{ source: 0, parser: null }])
    found.push({ name: `read ${kind}`, lines, bytes: data.length, run: () => readAll(reader, intake, blocks, () => undefined) })
    if (kind === 'fortinet-fortigate') {
      const out = Buffer.alloc(64 * 1024)
      for (const format of ['cef', 'leef', 'w3c', 'csv'] as const) {
        const encoder = newEncoder(format)
        found.push({
          name: `read + encode ${format}`,
          lines,
          bytes: data.length,
          run: () => readAll(reader, intake, blocks, () => encoder.encode(reader.fields, out, 0))
        })
      }
      found.push(...deflateStages(reader, intake, blocks))
    }
    for (const deflate of LIBRARIES) {
      const engine = new LaneEngine({ ...BENCH_LANE, deflate }, parsers)
      engine.openIntake(0, [0])
      found.push({
        name: `lane ${kind}, ${deflate}`,
        lines,
        bytes: data.length,
        run: () => {
          for (const block of blocks) engine.process(block, () => undefined)
        }
      })
    }
  }
  return found
}

function readAll(reader: FrameReader, intake: IntakeIdentity, blocks: readonly FrameBlock[], onRecord: () => void): void {
  for (const block of blocks) {
    reader.load(block.bytes, block.used)
    for (let i = 0; i < block.count; i++) {
      const outcome = reader.read(intake, block.start(i), block.end(i))
      if (outcome !== 'parsed')
        throw new Error(`A line of the bench was ${outcome}: ${block.bytes.toString('utf8', block.start(i), block.end(i))}`)
      onRecord()
    }
  }
}

function framingStages(data: Buffer, lines: number): Stage[] {
  const block = new FrameBlock()
  return [
    {
      name: 'framing, newline, into blocks',
      lines,
      bytes: data.length,
      run: () => {
        const framer = createFramer('syslog-stream')
        for (let at = 0; at < data.length; at += CHUNK_BYTES) {
          const chunk = data.subarray(at, at + CHUNK_BYTES)
          framer.feed(chunk, (buf, start, end) => {
            if (block.isFull) {
              block.settle()
              block.clear()
            }
            if (buf === chunk && buf[end] === 0x0a) block.appendLine(buf, start, end, 0)
            else block.append(buf, start, end, 0)
          })
          block.settle()
        }
      }
    }
  ]
}

function deflateStages(reader: FrameReader, intake: IntakeIdentity, blocks: readonly FrameBlock[]): Stage[] {
  const encoder = newEncoder('cef')
  const out = Buffer.alloc(512 * 1024)
  let used = 0
  let records = 0
  readAll(reader, intake, blocks.slice(0, 6), () => {
    if (used > 256 * 1024) return
    used = encoder.encode(reader.fields, out, used)
    records++
  })
  const text = out.subarray(0, used)
  const cases = LIBRARIES.flatMap(library => (library === 'zlib' ? [1, 3, 6] : [1]).map(level => ({ library, level })))
  return cases.map(({ library, level }) => {
    const deflater = chooseDeflater(library)
    return {
      name: `${library} level ${level} of CEF (ratio ${(text.length / deflater.deflateBlock(text, level).bytes.length).toFixed(2)})`,
      lines: records * 16,
      bytes: text.length * 16,
      run: () => {
        for (let i = 0; i < 16; i++) deflater.deflateBlock(text, level)
      }
    }
  })
}

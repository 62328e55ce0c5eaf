/**
 * `node bench/recognition-program.ts KIND LINES ROUNDS`: what recognition costs a sender that is known, in one process for one kind of
 * line, printed as a line of JSON. `bench/recognition.ts` starts several.
 */
import type { Parser } from '../src/contracts.ts'
import { FrameReader } from '../src/frame-reader.ts'
import { createFramer } from '../src/framing/framer.ts'
import { newFrame, readHeader } from '../src/identify/syslog-header.ts'
import { LaneEngine } from '../src/lanes/engine.ts'
import { warmUp } from '../src/lanes/warm-up.ts'
import { FrameBlock } from '../src/lib/frame-block.ts'
import { loadParsers } from '../src/parse/load.ts'
import { UTC } from '../src/parse/values/zone.ts'
import { type LineKind, makeLines } from './lines.ts'
import { median } from './measure.ts'
import { BENCH_LANE } from './stages.ts'

/** What one process found, ns a line. */
export interface RecognitionSample {
  parser: string
  /** The whole line path: framing, header, recognition, parsing, normalising, filters, encoding, deflating; the least of the rounds. */
  path: number
  /** How much longer a frame takes that is recognised than one whose source names the parser: the median of paired differences. */
  recognition: number
  /** The same between two that are recognised: what the measurement finds where there is nothing. */
  nothing: number
  /** `Identifier.identify` by itself in a loop over frames, what the parser takes over from it included; the least of the rounds. */
  alone: number
}

/** As a socket gives them. */
const CHUNK_BYTES = 64 * 1024
/** Of the made-up lines, which all fit in a block. */
const LINE_MAX_BYTES = 1300
const WARM_UP_LINES = 60_000
/** Rounds of the whole path and of `identify` alone, of which the least counts. */
const LEAST_OF = 60

const now = (): number => performance.now() * 1e6

/** From the bytes of a connection to deflated blocks, to the last of them: each call has the same to do. */
function linePath(parsers: readonly Parser[], data: Buffer): () => void {
  const engine = new LaneEngine(BENCH_LANE, parsers)
  engine.openIntake(0, [0])
  const framer = createFramer('syslog-stream')
  const block = new FrameBlock()
  const emit = (): void => undefined
  const take = (): void => {
    block.settle()
    engine.process(block, emit)
    block.clear()
  }
  return () => {
    for (let at = 0; at < data.length; at += CHUNK_BYTES) {
      const chunk = data.subarray(at, at + CHUNK_BYTES)
      framer.feed(chunk, (buf, start, end) => {
        if (block.isFull) take()
        if (buf === chunk && buf[end] === 0x0a) block.appendLine(buf, start, end, 0)
        else block.append(buf, start, end, 0)
      })
      block.settle()
    }
    take()
    engine.flush(emit)
  }
}

function leastOf(rounds: number, run: () => void): number {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const before = now()
    run()
    least = Math.min(least, now() - before)
  }
  return least
}

/** The median of what the others take less than the first in the same round, ns; in each round another begins. */
function differences(runs: readonly (() => void)[], rounds: number): number[] {
  const times = runs.map(() => new Float64Array(rounds))
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < runs.length; i++) {
      const index = (i + round) % runs.length
      const before = now()
      runs[index]!()
      times[index]![round] = now() - before
    }
  }
  const [first, ...others] = times
  return others.map(of => median([...first!].map((time, round) => time - of[round]!)))
}

async function sampleOf(kind: LineKind, lineCount: number, rounds: number): Promise<RecognitionSample> {
  const parsers = await loadParsers()
  const lines = makeLines(kind, lineCount * LINE_MAX_BYTES)
    .toString('latin1')
    .split('\n', lineCount)
  const data = Buffer.from(`${lines.join('\n')}\n`, 'latin1')
  warmUp(BENCH_LANE, parsers)
  const path = linePath(parsers, data)
  const reader = new FrameReader(parsers, [UTC])
  const { identifier } = reader
  reader.frame.now = Date.now()
  const intake = identifier.open(0, [{ source: 0, parser: null }])
  const block = new FrameBlock()
  for (const line of lines) block.append(Buffer.from(line, 'latin1'), 0, line.length, 0)
  const readAll = (isNamed: boolean): void => {
    if (intake.last !== null) intake.last.fixed = isNamed
    reader.load(block.bytes, block.used)
    for (let i = 0; i < block.count; i++) {
      const outcome = reader.read(intake, block.start(i), block.end(i))
      if (outcome !== 'parsed') throw new Error(`Line ${i} of the bench was ${outcome}`)
    }
  }
  const frames = lines.map((_, i) => {
    const frame = newFrame(UTC)
    readHeader(frame, block.bytes, block.start(i), block.end(i))
    return frame
  })
  const identifyAll = (): void => {
    for (const frame of frames) {
      frame.serial = (frame.serial + 1) | 0 // as a frame is that nobody has looked at
      frame.cef = frame.leef = -2
      identifier.identify(intake, frame)
    }
  }
  for (let done = 0; done < WARM_UP_LINES; done += lineCount) {
    path()
    readAll(false)
    readAll(true)
  }
  const [recognition, nothing] = differences([() => readAll(false), () => readAll(true), () => readAll(false)], rounds)
  const pathNs = leastOf(LEAST_OF, path)
  readAll(false) // no name is given from here on
  const alone = leastOf(LEAST_OF, identifyAll)
  const perLine = (ns: number): number => ns / lineCount
  return {
    parser: intake.last!.parser.id,
    path: perLine(pathNs),
    recognition: perLine(recognition!),
    nothing: perLine(nothing!),
    alone: perLine(alone)
  }
}

console.log(JSON.stringify(await sampleOf(process.argv[2] as LineKind, Number(process.argv[3]), Number(process.argv[4]))))

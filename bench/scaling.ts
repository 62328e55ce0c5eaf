/**
 * What a line costs as connections and sources grow: the same bytes in writes of the same size, over connections that are open and
 * known before the clock starts and stay open until it has stopped. Beside it what the kernel alone takes for the same load.
 */
import { type Collector, startSluice } from './collectors.ts'
import { median } from './measure.ts'
import { linesIn, openSteady, startDrain } from './sender.ts'
import { linesOf, type Round } from './whole-path.ts'

export interface ScalingResult {
  name: string
  connections: number
  sources: number
  linesPerSecond: number
  megabytesPerCpuSecond: number
  /** Resident at most while the load went on, from the start of the process. */
  peakMegabytes: number
  /** A reader that only reads: MB per CPU-second of the kernel's part. */
  bareMegabytesPerCpuSecond: number
  /** The same of the sender, beside Sluice. */
  senderMegabytesPerCpuSecond: number
}

export interface SteadyRound extends Round {
  senderCpuSeconds: number
}

export interface ScalingOptions {
  /** Bytes sent per round; the half of it warms each collector before. */
  bytes: number
  rounds: number
  /** Adds rows of 1 and of 10,000 connections in writes of so many KiB. */
  pieceKib?: number | undefined
}

interface Shape {
  /** What its rows vary. */
  name: string
  connections: number
  sources: number
  /** A write, in bytes. */
  pieceBytes: number
}

/** Four or five lines. */
const PIECE_BYTES = 4096
const CONNECTIONS = [1, 10, 100, 1000, 10_000]
const SOURCES = [1, 10, 200]
const CONNECTIONS_OF_SOURCES = 200
const CONNECTIONS_OF_PIECES = [1, 10_000]
const ASK_MIN_MS = 50
const ASK_MAX_MS = 1000
const DONE_WITHIN_MS = 120_000

/** Rows in rounds, each of a collector of its own that was warmed over few connections before. */
export async function scalingResults({ bytes, rounds, pieceKib }: ScalingOptions): Promise<ScalingResult[]> {
  const shapes = shapesOf(pieceKib)
  const lines = linesOf('fortinet-fortigate')
  const found = shapes.map(() => ({ sluice: [] as SteadyRound[], bare: [] as SteadyRound[], peak: 0 }))
  for (let round = 0; round < rounds; round++) {
    for (const [index, shape] of shapes.entries()) {
      const { sluice, bare } = found[index]!
      await using(await startSluice(2, { config: configOf(shape) }), async collector => {
        await steadyRound(collector, lines, bytes / 2, { ...shape, connections: Math.max(4, shape.sources) })
        sluice.push(await steadyRound(collector, lines, bytes, shape))
        found[index]!.peak = Math.max(found[index]!.peak, collector.peakMemoryBytes())
      })
      await using(await startDrain(), async collector => void bare.push(await steadyRound(collector, lines, bytes, shape)))
    }
  }
  return shapes.map(({ name, connections, sources }, index) => {
    const { sluice, bare, peak } = found[index]!
    const perCpuSecond = (of: Round[]): number => median(of.map(round => round.bytes / 1e6 / round.cpuSeconds))
    return {
      name,
      connections,
      sources,
      linesPerSecond: median(sluice.map(round => round.lines / round.seconds)),
      megabytesPerCpuSecond: perCpuSecond(sluice),
      peakMegabytes: peak / 1e6,
      bareMegabytesPerCpuSecond: perCpuSecond(bare),
      senderMegabytesPerCpuSecond: median(sluice.map(round => round.bytes / 1e6 / round.senderCpuSeconds))
    }
  })
}

function shapesOf(pieceKib: number | undefined): Shape[] {
  const usual = { name: 'connections', sources: 1, pieceBytes: PIECE_BYTES }
  return [
    ...CONNECTIONS.map(connections => ({ ...usual, connections })),
    ...SOURCES.map(sources => ({ ...usual, name: 'sources', connections: CONNECTIONS_OF_SOURCES, sources })),
    ...(pieceKib === undefined ? [] : CONNECTIONS_OF_PIECES).map(connections => ({
      ...usual,
      name: `writes of ${pieceKib} KiB`,
      connections,
      pieceBytes: pieceKib! * 1024
    }))
  ]
}

/**
 * As many sources as asked for, each by the address of its senders. No segment is full before the end: one source would fill several
 * meanwhile, which are uploaded, and each of 200 none.
 */
const configOf = ({ sources }: Shape): Record<string, unknown> => ({
  spool: { segment_max_bytes: '2GiB', segment_max_raw_bytes: '8GB' },
  ...(sources === 1
    ? {}
    : {
        sources: Array.from({ length: sources }, (_, index) => ({ name: `Source-${index + 1}`, from: { peers: [`127.0.1.${index + 1}`] } }))
      })
})

async function using(collector: Collector, act: (collector: Collector) => Promise<void>): Promise<void> {
  try {
    await act(collector)
  } finally {
    await collector.stop()
  }
}

/** From the first byte sent over connections that are open until every line is written. */
export async function steadyRound(
  collector: Collector,
  lines: Buffer,
  bytes: number,
  { connections, sources, pieceBytes = PIECE_BYTES }: Pick<Shape, 'connections' | 'sources'> & Partial<Shape>
): Promise<SteadyRound> {
  const before = await collector.linesDone()
  const options = { connections, pieceBytes, senders: sources === 1 ? 0 : sources }
  const sender = await openSteady(collector.port, lines, bytes, options)
  const first = linesIn(lines, sender.firstBytes)
  const taken = (count: number): Promise<void> => untilDone(collector, before + count)
  await taken(first)
  const cpuBefore = collector.cpuSeconds()
  const senderCpuBefore = sender.cpuSeconds()
  const beganMs = performance.now()
  const { amount } = await sender.go()
  const count = linesIn(lines, sender.firstBytes + amount) - first
  await taken(first + count)
  const seconds = (performance.now() - beganMs) / 1000
  const cpuSeconds = collector.cpuSeconds() - cpuBefore
  const senderCpuSeconds = sender.cpuSeconds() - senderCpuBefore
  await sender.close()
  return { beganMs, seconds, cpuSeconds, senderCpuSeconds, lines: count, bytes: amount }
}

/** Asks again when all should be done at the pace so far, since an answer is work for a collector as well: 5 ms with 200 sources. */
async function untilDone(collector: Collector, count: number): Promise<void> {
  const startedMs = performance.now()
  const had = await collector.linesDone()
  for (let done = had; done < count; done = await collector.linesDone()) {
    const tookMs = performance.now() - startedMs
    if (tookMs > DONE_WITHIN_MS) throw new Error(`Cannot see ${count} lines done after ${DONE_WITHIN_MS / 1000} s: ${done}`)
    const wanted = (tookMs * (count - done)) / Math.max(1, done - had)
    await new Promise(resolve => setTimeout(resolve, Math.min(ASK_MAX_MS, Math.max(ASK_MIN_MS, wanted))))
  }
}

/** Where the time of the whole path goes: V8's profile of each thread, summed up by stage, and the CPU time of all threads. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSluice } from './collectors.ts'
import { steadyRound } from './scaling.ts'
import { type Load, linesOf, type Round, tcpRound } from './whole-path.ts'

/** What a function of one of these files works on; the first that fits. */
const STAGES: readonly [stage: string, file: RegExp][] = [
  ['receive', /src\/receivers\/|node:net|node:internal\/stream_base/],
  ['framing', /src\/framing\//],
  ['blocks', /src\/lib\/frame-block/],
  ['intakes, pool', /src\/pipeline\/intakes|src\/lanes\/pool/],
  ['header, identify', /src\/identify\//],
  ['parse', /src\/parse\/|parsers\//],
  ['process', /src\/process\/|src\/lib\//],
  ['encode', /src\/encode\/(?!deflate|isal)/],
  ['deflate', /src\/encode\/|koffi/],
  ['lane', /src\/lanes\/|src\/frame-reader/],
  ['spool', /src\/spool\/|node:fs/]
]
const SHOWN_FUNCTIONS = 25

interface Profile {
  startTime: number
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number }; children?: number[] }[]
  samples: number[]
  timeDeltas: number[]
}

export interface ThreadProfile {
  thread: 'receiving' | 'lane'
  seconds: number
  /** Share of the thread's busy time by stage, and by function. */
  stages: [stage: string, share: number][]
  functions: [name: string, share: number][]
}

/** Runs the load through two lanes under the profiler: over a few connections, or over so many that stay open. */
export async function profileTcp(
  load: Load,
  bytes: number,
  connections: number | undefined
): Promise<{ folder: string; threads: ThreadProfile[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-profile-'))
  const sluice = await startSluice(2, { profileDir: folder })
  const lines = linesOf(load)
  let round: Round
  try {
    if (connections !== undefined) round = await steadyRound(sluice, lines, bytes, { connections, sources: 1 })
    else {
      await tcpRound(sluice, lines, bytes / 8) // warm
      round = await tcpRound(sluice, lines, bytes)
    }
  } finally {
    await sluice.stop()
  }
  // V8 tells times by the monotonic clock, in microseconds.
  const sinceClock = Number(process.hrtime.bigint() / 1000n) - performance.now() * 1000
  const from = round.beganMs * 1000 + sinceClock
  const threads = readdirSync(folder)
    .filter(name => name.endsWith('.cpuprofile'))
    .map(name => summarize(JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profile, from, from + round.seconds * 1e6))
    .sort((a, b) => b.thread.localeCompare(a.thread))
  return { folder, threads }
}

/** What was seen between two moments. */
function summarize({ nodes, startTime, samples, timeDeltas }: Profile, from: number, to: number): ThreadProfile {
  const frames = new Map(nodes.map(node => [node.id, node.callFrame]))
  const functions = new Map<string, number>()
  const stages = new Map<string, number>()
  let busy = 0
  let at = startTime
  samples.forEach((id, index) => {
    at += timeDeltas[index]!
    if (at < from || at > to) return
    const { functionName, url, lineNumber } = frames.get(id)!
    if (functionName === '(idle)' || functionName === '(root)') return
    const seconds = timeDeltas[index]! / 1e6
    busy += seconds
    const name = `${functionName || '(anonymous)'} ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`
    functions.set(name, (functions.get(name) ?? 0) + seconds)
    const stage = functionName === '(garbage collector)' ? 'garbage' : (STAGES.find(([, file]) => file.test(url))?.[0] ?? 'other')
    stages.set(stage, (stages.get(stage) ?? 0) + seconds)
  })
  const shares = (of: Map<string, number>): [string, number][] =>
    [...of].map(([name, seconds]): [string, number] => [name, seconds / busy]).sort((a, b) => b[1] - a[1])
  const isLane = nodes.some(({ callFrame }) => callFrame.url.endsWith('lanes/worker.ts'))
  return {
    thread: isLane ? 'lane' : 'receiving',
    seconds: busy,
    stages: shares(stages),
    functions: shares(functions).slice(0, SHOWN_FUNCTIONS)
  }
}

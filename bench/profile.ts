/** Where the time of the whole path goes: V8's profile of each thread, summed up by stage, and the CPU time of all threads. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSluice } from './collectors.ts'
import { steadyRound } from './scaling.ts'
import { type Load, linesOf, type Round, tcpRound } from './whole-path.ts'

/**
 * What a function of one of these files works on; the first that fits. Of a function that is of none, native or Node's own, its caller
 * decides: a copy or a search is work of whoever asked for it.
 */
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
/** Not work: nothing to do, no script running, and the wait of the UDP thread for datagrams, which is a native call. */
const IDLE = new Set(['(idle)', '(root)', 'waitReadable'])

interface Profile {
  startTime: number
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number }; children?: number[] }[]
  samples: number[]
  timeDeltas: number[]
}

export interface ThreadProfile {
  thread: 'receiving' | 'lane' | 'UDP'
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
    .filter(({ seconds }) => seconds > 0) // the thread of UDP waits
    .sort((a, b) => b.thread.localeCompare(a.thread))
  return { folder, threads }
}

/** What was seen between two moments. */
function summarize({ nodes, startTime, samples, timeDeltas }: Profile, from: number, to: number): ThreadProfile {
  const placeOf = placesOf(nodes)
  const functions = new Map<string, number>()
  const stages = new Map<string, number>()
  let busy = 0
  let at = startTime
  samples.forEach((id, index) => {
    at += timeDeltas[index]!
    if (at < from || at > to) return
    const { stage, name, isIdle } = placeOf.get(id)!
    if (isIdle) return
    const seconds = timeDeltas[index]! / 1e6
    busy += seconds
    functions.set(name, (functions.get(name) ?? 0) + seconds)
    stages.set(stage, (stages.get(stage) ?? 0) + seconds)
  })
  const shares = (of: Map<string, number>): [string, number][] =>
    [...of].map(([name, seconds]): [string, number] => [name, seconds / busy]).sort((a, b) => b[1] - a[1])
  return { thread: threadOf(nodes), seconds: busy, stages: shares(stages), functions: shares(functions).slice(0, SHOWN_FUNCTIONS) }
}

function threadOf(nodes: Profile['nodes']): ThreadProfile['thread'] {
  const runs = (file: string): boolean => nodes.some(({ callFrame }) => callFrame.url.endsWith(file))
  return runs('lanes/worker.ts') ? 'lane' : runs('receivers/udp-loop.ts') ? 'UDP' : 'receiving'
}

interface Place {
  stage: string
  name: string
  isIdle: boolean
}

/** Stage and name by node; callers stand before what they call. */
function placesOf(nodes: Profile['nodes']): Map<number, Place> {
  const callers = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child): [number, number] => [child, id])))
  const places = new Map<number, Place>()
  for (const { id, callFrame } of nodes) {
    const { functionName, url, lineNumber } = callFrame
    const caller = places.get(callers.get(id) ?? -1)
    const place = url === '' ? '' : ` ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`
    const own = functionName === '(garbage collector)' ? 'garbage' : STAGES.find(([, file]) => file.test(url))?.[0]
    places.set(id, {
      stage: own ?? caller?.stage ?? 'other',
      name: functionName === '' && url === '' ? `(native) of ${caller?.name}` : `${functionName || '(anonymous)'}${place}`,
      isIdle: IDLE.has(functionName)
    })
  }
  return places
}

/** The whole path over TCP, Sluice beside rsyslog, syslog-ng and a naive collector in the same run, rounds interleaved. */
import { type Collector, startOrSay, startSluice } from './collectors.ts'
import { LINE_KINDS, type LineKind, makeLines, makeMix } from './lines.ts'
import { median, until } from './measure.ts'
import { startNaive } from './rivals/naive.ts'
import { startRsyslog } from './rivals/rsyslog.ts'
import { startSyslogNg } from './rivals/syslog-ng.ts'
import { linesIn, sendTcp } from './sender.ts'

export interface PathResult {
  name: string
  linesPerSecond: number
  megabytesPerSecond: number
  megabytesPerCpuSecond: number
  cpuSecondsPerMillionLines: number
  peakMegabytes: number
}

/** Several kinds of line, or all of them by turns on one port. */
export type Load = LineKind | 'mix'
export const LOADS: readonly Load[] = [...LINE_KINDS, 'mix']

export interface PathOptions {
  /** Least that is sent per round: some tell what they have done once a second only. A tenth to the naive collector. */
  bytes: number
  /** At least about so long each collector is measured per round, at its own pace. */
  seconds: number
  rounds: number
}

export interface Round {
  /** When it began, as `performance.now()` says. */
  beganMs: number
  seconds: number
  cpuSeconds: number
  lines: number
  bytes: number
}

const CONNECTIONS = 4
const LINES_BYTES = 16_000_000

export const linesOf = (load: Load): Buffer => (load === 'mix' ? makeMix(LINES_BYTES) : makeLines(load, LINES_BYTES))

const WARM_SHARE = 0.3

/** From the first byte sent until every line is written (Sluice: parsed and handed to the spool; rsyslog: handed to its gzip file). */
export async function tcpRound(collector: Collector, lines: Buffer, bytes: number, connections = CONNECTIONS): Promise<Round> {
  const linesBefore = await collector.linesDone()
  const cpuBefore = collector.cpuSeconds()
  const beganMs = performance.now()
  const sent = await sendTcp(collector.port, lines, bytes, connections)
  const count = linesIn(lines, sent.amount)
  await until(`${collector.name} to take ${count} lines`, async () => (await collector.linesDone()) - linesBefore >= count, 120_000)
  const cpuSeconds = collector.cpuSeconds() - cpuBefore
  return { beganMs, seconds: (performance.now() - beganMs) / 1000, cpuSeconds, lines: count, bytes: sent.amount }
}

/** Rounds of all collectors in turn, each started anew and warmed. */
export async function compareOverTcp(
  starts: readonly (() => Promise<Collector>)[],
  lines: Buffer,
  options: PathOptions
): Promise<PathResult[]> {
  const results = starts.map(() => ({ name: '', rounds: [] as Round[], peak: 0 }))
  for (let round = 0; round < options.rounds; round++) {
    for (const [index, start] of starts.entries()) {
      const collector = await startOrSay(start)
      if (collector === undefined) continue
      const result = results[index]!
      result.name = collector.name
      try {
        // Warm, and twice, since the first time is also when code is compiled.
        const least = collector.name.startsWith('naive') ? options.bytes / 10 : options.bytes
        const enough = ({ bytes, seconds }: Round): number => Math.max(least, (bytes / seconds) * options.seconds)
        const first = await tcpRound(collector, lines, WARM_SHARE * least)
        const second = await tcpRound(collector, lines, WARM_SHARE * enough(first))
        result.rounds.push(await tcpRound(collector, lines, enough(second)))
        result.peak = Math.max(result.peak, collector.peakMemoryBytes())
      } finally {
        await collector.stop()
      }
    }
  }
  return results
    .filter(({ rounds }) => rounds.length > 0)
    .map(({ name, rounds, peak }) => ({
      name,
      linesPerSecond: median(rounds.map(round => round.lines / round.seconds)),
      megabytesPerSecond: median(rounds.map(round => round.bytes / 1e6 / round.seconds)),
      megabytesPerCpuSecond: median(rounds.map(round => round.bytes / 1e6 / round.cpuSeconds)),
      cpuSecondsPerMillionLines: median(rounds.map(round => (round.cpuSeconds * 1e6) / round.lines)),
      peakMegabytes: peak / 1e6
    }))
}

/** TCP, FortiGate, GENERIC_CEF, gzip level 1, spool with fdatasync; rsyslog doing receive, parse and gzip. */
export function wholePathTcp(options: PathOptions): Promise<PathResult[]> {
  const starts = [
    () => startSluice(2),
    () => startSluice(1),
    () => startRsyslog(['fortinet-fortigate'], 'wanted'),
    () => startRsyslog(['fortinet-fortigate']),
    () => startSyslogNg(),
    () => startNaive()
  ]
  return compareOverTcp(starts, linesOf('fortinet-fortigate'), options)
}

export interface FormatResult {
  load: Load
  sluice: PathResult
  /** Absent where it is not installed. */
  rsyslog: PathResult | undefined
}

/** As `wholePathTcp`, for one kind of line after another: two lanes against rsyslog. */
export async function wholePathFormats(options: PathOptions): Promise<FormatResult[]> {
  const results: FormatResult[] = []
  for (const load of LOADS) {
    const kinds = load === 'mix' ? LINE_KINDS : [load]
    const [sluice, rsyslog] = await compareOverTcp([() => startSluice(2), () => startRsyslog(kinds)], linesOf(load), options)
    results.push({ load, sluice: sluice!, rsyslog })
  }
  return results
}

/** How the bench measures: CPU time of this process or of a child, peak memory, medians over interleaved rounds. */
import { readFileSync } from 'node:fs'

/** CPU seconds of this process so far, all threads, kernel time included. */
export function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

const TICKS_PER_SECOND = 100

/** CPU seconds of another process so far, all its threads. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** Largest resident size of a process so far, bytes. */
export const peakMemoryOf = (pid: number): number => statusBytesOf(pid, 'VmHWM')

/** Resident size of a process now, bytes. */
export const residentMemoryOf = (pid: number): number => statusBytesOf(pid, 'VmRSS')

function statusBytesOf(pid: number, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1] ?? 0) * 1024
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export interface StageResult {
  name: string
  /** Medians over the rounds. */
  linesPerSecond: number
  megabytesPerCpuSecond: number
  nsPerLine: number
}

/** One thing to measure: `run` handles `lines` lines of `bytes` bytes. */
export interface Stage {
  name: string
  lines: number
  bytes: number
  run(): void
}

/**
 * Rounds of all stages in turn, so that a slow moment of the machine hits them all; each is run `warmUps` times first, which a stage
 * of few lines needs more of.
 */
export function measureStages(stages: readonly Stage[], rounds: number, warmUps = 2): StageResult[] {
  for (const stage of stages) for (let i = 0; i < warmUps; i++) stage.run()
  const seconds = stages.map(() => [] as number[])
  for (let round = 0; round < rounds; round++) {
    stages.forEach((stage, index) => {
      const before = ownCpuSeconds()
      stage.run()
      seconds[index]!.push(ownCpuSeconds() - before)
    })
  }
  return stages.map((stage, index) => {
    const cpu = median(seconds[index]!)
    return {
      name: stage.name,
      linesPerSecond: stage.lines / cpu,
      megabytesPerCpuSecond: stage.bytes / 1e6 / cpu,
      nsPerLine: (cpu * 1e9) / stage.lines
    }
  })
}

export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Asks until the answer is yes; rejects after the limit. */
export async function until(what: string, check: () => boolean | Promise<boolean>, limitMs = 60_000, everyMs = 20): Promise<void> {
  const end = performance.now() + limitMs
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`Timed out after ${limitMs} ms waiting for ${what}`)
    await sleep(everyMs)
  }
}

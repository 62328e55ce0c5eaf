/** Resident memory while a load goes on: idle, in the first and the last quarter, and the peak. */
import { type Sluice, startSluice } from './collectors.ts'
import { median, sleep } from './measure.ts'
import { sendTcp } from './sender.ts'
import { linesOf } from './whole-path.ts'

export interface MemoryResult {
  seconds: number
  /** What came out at the far end meanwhile. */
  lines: number
  idleMegabytes: number
  firstQuarterMegabytes: number
  lastQuarterMegabytes: number
  /** The highest of the looks; the peak may lie between two of them. */
  highestSecondMegabytes: number
  peakMegabytes: number
  /** One figure a second. */
  overTime: number[]
}

/** More than any machine takes in the time: the sender is ended. */
export const ENDLESS_BYTES = 1e13

/** Two lanes at full load over TCP for so long. */
export async function memoryResult(seconds: number): Promise<MemoryResult> {
  const sluice = await startSluice(2)
  try {
    await sleep(2000)
    return await memoryOverTime(sluice, seconds, signal =>
      sendTcp(sluice.port, linesOf('fortinet-fortigate'), ENDLESS_BYTES, 4, { signal })
    )
  } finally {
    await sluice.stop()
  }
}

/** Looks once a second while `send` sends, which the signal ends. */
export async function memoryOverTime(
  sluice: Sluice,
  seconds: number,
  send: (signal: AbortSignal) => Promise<unknown>
): Promise<MemoryResult> {
  const idleMegabytes = sluice.residentMemoryBytes() / 1e6
  const linesBefore = await sluice.linesDone()
  const stop = new AbortController()
  const sending = send(stop.signal)
  const overTime: number[] = []
  for (let second = 0; second < seconds; second++) {
    await sleep(1000)
    overTime.push(Math.round(sluice.residentMemoryBytes() / 1e6))
  }
  const lines = (await sluice.linesDone()) - linesBefore
  stop.abort()
  await sending
  const quarter = Math.max(1, Math.floor(seconds / 4))
  return {
    seconds,
    lines,
    idleMegabytes,
    firstQuarterMegabytes: median(overTime.slice(0, quarter)),
    lastQuarterMegabytes: median(overTime.slice(-quarter)),
    highestSecondMegabytes: Math.max(...overTime),
    peakMegabytes: sluice.peakMemoryBytes() / 1e6,
    overTime
  }
}

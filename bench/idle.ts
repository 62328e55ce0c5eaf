/** What is resident when nothing happens, and of what it consists: several starts, each left alone first. */
import { readFileSync } from 'node:fs'
import { startSluice } from './collectors.ts'
import { median, sleep } from './measure.ts'

const PARTS = ["Node's program file", 'other libraries', 'heaps of V8', 'compiled code', "malloc's arena", 'the rest'] as const
type Part = (typeof PARTS)[number]

export interface IdleResult {
  starts: number
  residentMegabytes: number
  /** Pages that several processes have are counted by each with its share. */
  proportionalMegabytes: number
  /** Pages of no file: the process's own. */
  anonymousMegabytes: number
  /** Resident, by part. */
  parts: Record<Part, number>
}

export async function idleResult(starts: number, quietSeconds: number): Promise<IdleResult> {
  const seen: IdleResult[] = []
  for (let start = 0; start < starts; start++) {
    const sluice = await startSluice(2)
    try {
      await sleep(quietSeconds * 1000)
      seen.push(residentOf(readFileSync(`/proc/${sluice.pid}/smaps`, 'latin1')))
    } finally {
      await sluice.stop()
    }
  }
  const of = (value: (one: IdleResult) => number): number => median(seen.map(value))
  return {
    starts,
    residentMegabytes: of(one => one.residentMegabytes),
    proportionalMegabytes: of(one => one.proportionalMegabytes),
    anonymousMegabytes: of(one => one.anonymousMegabytes),
    parts: Object.fromEntries(PARTS.map(part => [part, of(one => one.parts[part])])) as Record<Part, number>
  }
}

function residentOf(smaps: string): IdleResult {
  const parts = Object.fromEntries(PARTS.map(part => [part, 0])) as Record<Part, number>
  const sums = { Rss: 0, Pss: 0, Anonymous: 0 }
  let part: Part = 'the rest'
  for (const line of smaps.split('\n')) {
    const [, start, end, rights, name] = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+\s*(.*)$/.exec(line) ?? []
    if (start !== undefined) part = partOf(Number.parseInt(end!, 16) - Number.parseInt(start, 16), rights!, name!)
    const [, key, kilobytes] = /^(Rss|Pss|Anonymous): +(\d+) kB$/.exec(line) ?? []
    if (key === undefined) continue
    const megabytes = (Number(kilobytes) * 1024) / 1e6
    sums[key as keyof typeof sums] += megabytes
    if (key === 'Rss') parts[part] += megabytes
  }
  return { starts: 1, residentMegabytes: sums.Rss, proportionalMegabytes: sums.Pss, anonymousMegabytes: sums.Anonymous, parts }
}

/** V8 takes its heaps in pages of 256 KiB. */
const V8_PAGE_BYTES = 256 * 1024

function partOf(bytes: number, rights: string, name: string): Part {
  if (name.endsWith('/node')) return "Node's program file"
  if (name === '[heap]') return "malloc's arena"
  if (name.startsWith('/')) return 'other libraries'
  if (rights.includes('x')) return 'compiled code'
  return bytes === V8_PAGE_BYTES && name === '' ? 'heaps of V8' : 'the rest'
}

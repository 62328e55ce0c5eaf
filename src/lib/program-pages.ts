/**
 * Gives back the pages of Node's program file that only a start needs: its snapshot, the compiler, tables of ICU; some 60 MB were read,
 * 20 are used from then on. They are clean, so nothing is written, and what is called again is mapped again from the page cache.
 * That cache keeps them until the kernel wants the room: the process holds less, which the machine had as memory that it could take
 * back anyway.
 */
import { readFileSync, realpathSync } from 'node:fs'
import { loadKoffi } from './koffi.ts'

/** madvise(2): mapped again when touched; safe for what was never written. */
const MADV_DONTNEED = 4

export interface Mapping {
  start: number
  bytes: number
}

/** Mappings of a file that no one writes to and of which no page is a copy of its own (relocated tables are), as smaps has them. */
export function cleanMappings(smaps: string, file: string): Mapping[] {
  const found: Mapping[] = []
  let current: Mapping | undefined
  for (const line of smaps.split('\n')) {
    const [, start, end, rights, name] = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+\s*(.*)$/.exec(line) ?? []
    if (start !== undefined) {
      const isClean = name === file && /^r-[x-]p$/.test(rights!)
      current = isClean ? { start: Number.parseInt(start, 16), bytes: Number.parseInt(end!, 16) - Number.parseInt(start, 16) } : undefined
    } else if (current !== undefined && /^Anonymous: +0 kB$/.test(line)) found.push(current)
  }
  return found
}

/** For all threads; takes some milliseconds. Does nothing where that cannot be asked for (no koffi, no Linux). */
export function forgetProgramPages(): void {
  try {
    const madvise = loadKoffi()?.load(null).func('int madvise(uintptr_t address, size_t bytes, int advice)')
    if (madvise === undefined) return
    const clean = cleanMappings(readFileSync('/proc/self/smaps', 'latin1'), realpathSync(process.execPath))
    for (const { start, bytes } of clean) madvise(start, bytes, MADV_DONTNEED)
  } catch {
    // Memory that stays is no failure.
  }
}

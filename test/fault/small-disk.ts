/** A disk of a few megabytes: a real tmpfs for root, else the real disk with a bound that answers ENOSPC. Needs util-linux' mount. */
import { execFileSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { nodeIo, type SpoolIo } from '../../src/spool/io.ts'
import { FaultyIo } from '../spool/faulty-io.ts'
import { scratchDir } from '../test-dir.ts'

export interface SmallDisk {
  dir: string
  io: SpoolIo
  /** True when the kernel itself says that it is full. */
  isReal: boolean
}

export function smallDisk(t: { teardown(end: () => void): void }, bytes: number): SmallDisk {
  const dir = scratchDir('disk')
  if (process.getuid?.() === 0) {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'tmpfs', dir], { stdio: 'pipe' })
      t.teardown(() => void execFileSync('umount', ['--lazy', dir]))
      return { dir, io: nodeIo, isReal: true }
    } catch {
      // A container without the right to mount.
    }
  }
  const io = new FaultyIo()
  io.fault = operation => {
    io.free = Math.max(0, bytes - usedBytes(dir))
    return operation === 'write' && io.free === 0 ? 'ENOSPC' : undefined
  }
  return { dir, io, isReal: false }
}

function usedBytes(dir: string): number {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + (statSync(join(parentPath, name), { throwIfNoEntry: false })?.size ?? 0), 0)
}

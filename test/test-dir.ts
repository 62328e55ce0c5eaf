/** Directories of tests, of which nothing stays. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

type Content = Parameters<Test['testdir']>[0]

/**
 * Makes a directory that goes after all that the test's teardowns end. tap alone removes it before them: a collector that still writes
 * there makes that fail, tap then leaves the teardowns out, and the collector outlives its test.
 */
export function testDir(t: Test, content: Content = {}): string {
  t.teardown(() => undefined) // tap runs in the order in which these two were first asked for, the last one first
  return t.testdir(content)
}

const made: string[] = []

/** Makes a directory under that for temporary files, by no test but by a file of tests: it goes when this process, or thread, ends. */
export function scratchDir(name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `sluice-${name}-`))
  if (made.push(dir) === 1) process.on('exit', removeAll)
  return dir
}

function removeAll(): void {
  for (const dir of made)
    try {
      rmSync(dir, { recursive: true, force: true, maxRetries: 3 }) // a child that was just killed may write once more
    } catch {
      // A directory that stays is no reason to fail.
    }
}

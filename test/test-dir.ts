/** The directory of a test. */
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

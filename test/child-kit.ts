/**
 * Children of tests, which end with the test's process however that ends: by itself, by an exception, by tap's or the runner's signal when it
 * takes too long. One that is left would hold the output of the whole run open, and take the time of the tests after it.
 */
import { type ChildProcess, type SpawnOptions, spawn as spawnAny } from 'node:child_process'

const running = new Set<{ child: ChildProcess; isGroup: boolean }>()

/** As that of Node. With `detached` the child leads a group, which ends as a whole. */
export const spawn = ((program: string, args: readonly string[], options: SpawnOptions = {}) =>
  endingWithTest(spawnAny(program, args, options), options.detached)) as typeof spawnAny

/** Ends the child, or the group that it leads, when this process ends. */
export function endingWithTest<C extends ChildProcess>(child: C, isGroup = false): C {
  const entry = { child, isGroup }
  running.add(entry)
  if (!isGroup) child.once('exit', () => running.delete(entry)) // of a group others may be left
  return child
}

/** Ends what is left of a child that leads a group, and of all it started. */
export function killGroup(leader: ChildProcess): void {
  try {
    process.kill(-leader.pid!, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // nothing is left
  }
}

function endAll(): void {
  for (const { child, isGroup } of running) {
    if (child.pid === undefined) continue // it could not be started
    if (isGroup) killGroup(child)
    else child.kill('SIGKILL')
  }
  running.clear()
}

process.on('exit', endAll)
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGALRM'] as const)
  process.once(signal, () => {
    endAll()
    process.kill(process.pid, signal)
  })

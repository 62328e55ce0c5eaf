/** Runs one target for some time, in a thread, so that a case that never ends can be seen from outside. */
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parentPort, workerData } from 'node:worker_threads'
import { Cases, failureOf, keepCase, shrunk } from './target.ts'
import { TARGETS } from './targets.ts'

export interface FuzzJob {
  target: string
  seed: number
  /** First case. */
  from: number
  seconds: number
  /** Runs so many cases at most. */
  casesMax: number
  /** The number of the case at hand. */
  progress: SharedArrayBuffer
  /** Found cases are kept in the corpus. */
  keeps: boolean
}

export interface FuzzResult {
  cases: number
  grownBytes: number
  failure?: { index: number; message: string; kept?: string }
}

const { target: name, seed, from, seconds, casesMax, progress, keeps } = workerData as FuzzJob
const target = TARGETS.find(target => target.name === name)!
const index = new Int32Array(progress)

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** How often it is looked: memory of buffers is given back beside the thread, some time after they were found to be garbage. */
const LOOKS = 5

/** All that this thread holds, garbage not included; the least of some looks. */
async function heldBytes(): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let look = 0; look < LOOKS; look++) {
    collect()
    await sleep(50)
    const { heapUsed, external } = process.memoryUsage()
    least = Math.min(least, heapUsed + external)
  }
  return least
}

async function run(): Promise<FuzzResult> {
  const cases = new Cases(target)
  const endMs = performance.now() + seconds * 1000
  const warmMs = performance.now() + seconds * 200
  let warmBytes: number | undefined
  let count = 0
  for (; count < casesMax && performance.now() < endMs; count++) {
    Atomics.store(index, 0, from + count)
    if (warmBytes === undefined && performance.now() >= warmMs) warmBytes = await heldBytes()
    try {
      await cases.run(seed, from + count)
    } catch (error) {
      const { input } = cases.make(seed, from + count)
      const small = (await failureOf(target, input)) === undefined ? input : await shrunk(target, input)
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
      return {
        cases: count + 1,
        grownBytes: 0,
        failure: { index: from + count, message, ...(keeps ? { kept: keepCase(target, small) } : {}) }
      }
    }
  }
  return { cases: count, grownBytes: warmBytes === undefined ? 0 : (await heldBytes()) - warmBytes }
}

parentPort!.postMessage(await run())

/**
 * Frames lie in one memory of the thread (src/lib/lane-memory.ts): behind the end of one are the next line, or leftovers of earlier ones.
 * What a frame is read as must be the same whatever lies there. Each mix of surroundings has a thread of its own, in which the same frames
 * are read in the same order, so that what is learnt from them is the same as well.
 */
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { allRounds, IS_NIGHTLY } from './cases.ts'
import { MIXES } from './reading.ts'
import type { ReadingJob, ReadingResult } from './worker.ts'

const THREADS = 2
const CALM = -1
const MIXES_READ = IS_NIGHTLY ? MIXES : 3
/** Differences that are shown. */
const SHOWN = 8
/** Answers for each case. */
const ANSWERS = ['by its parser', 'by whichever recognises it', 'by some other parser', 'recognised by']

t.setTimeout(IS_NIGHTLY ? 3_600_000 : 600_000)

const frames = allRounds().flatMap(({ parser, cases }) => cases.map(({ frame, rest }) => ({ parser, frame, rest })))

function read(mix: number, isFast: boolean, wanted: readonly number[] = []): Promise<ReadingResult> {
  const { promise, resolve, reject } = Promise.withResolvers<ReadingResult>()
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { mix, isFast, wanted } satisfies ReadingJob })
  worker.once('message', resolve)
  worker.once('error', reject)
  return promise
}

for (const isFast of [true, false]) {
  t.test(`what lies around a frame does not show in its record, by the ${isFast ? 'fast' : 'plain'} ways`, async t => {
    const calm = await read(CALM, isFast)
    t.equal(calm.hashes.length, frames.length * ANSWERS.length)
    // spread, so that what begins alike is not all that few threads have
    const mixes = Array.from({ length: MIXES_READ }, (_, index) => Math.floor((index * MIXES) / MIXES_READ)).values()
    const compare = async (): Promise<void> => {
      for (const mix of mixes) t.same(await differences(calm, mix, isFast), [], `mix ${mix}`)
    }
    await Promise.all(Array.from({ length: THREADS }, compare))
  })
}

/** What differs from what was read in calm surroundings, for people. */
async function differences(calm: ReadingResult, mix: number, isFast: boolean): Promise<string[]> {
  const { hashes } = await read(mix, isFast)
  const found = [...hashes.keys()].filter(index => hashes[index] !== calm.hashes[index])
  if (found.length === 0) return []
  const shown = found.filter((_, index) => index % Math.ceil(found.length / SHOWN) === 0)
  const [wanted, got] = [await read(CALM, isFast, shown), await read(mix, isFast, shown)]
  return shown.map((index, which) => {
    const { parser, frame, rest } = frames[Math.floor(index / ANSWERS.length)]!
    const line = `${parser}: ${JSON.stringify(frame.toString('latin1'))}, ${rest.length} bytes cut off, ${ANSWERS[index % ANSWERS.length]}`
    return `${found.length} differ; ${line}\n  ${wanted.answers[which]}\n  ${got.answers[which]}`
  })
}

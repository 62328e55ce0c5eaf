/** Reads all cases in one mix of surroundings in a thread of its own: what parsers learn begins anew, and goes the same way in each. */
import { parentPort, workerData } from 'node:worker_threads'
import { fastPaths } from '../../../src/lib/fast-paths.ts'
import { readAll } from './reading.ts'

export interface ReadingJob {
  mix: number
  isFast: boolean
  /** Answers that are wanted as they are. */
  wanted: readonly number[]
}

export interface ReadingResult {
  /** A hash of each answer. */
  hashes: Int32Array
  answers: string[]
}

function hashOf(text: string): number {
  let hash = 0
  for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0
  return hash
}

const { mix, isFast, wanted } = workerData as ReadingJob
fastPaths.isOn = isFast
const hashes: number[] = []
const answers: string[] = []
readAll(mix, answer => {
  if (wanted.includes(hashes.length)) answers.push(answer)
  hashes.push(hashOf(answer))
})
parentPort!.postMessage({ hashes: Int32Array.from(hashes), answers } satisfies ReadingResult)

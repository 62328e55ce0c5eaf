/** A lane as the pool sees it: a worker thread, or the same engine inline when there is one core. */
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Block, Parser } from '../contracts.ts'
import { FrameBlock } from '../lib/frame-block.ts'
import { LaneEngine } from './engine.ts'
import type { FromLane, LaneSpec, ToLane } from './messages.ts'

export interface Lane {
  /** Hands a message over; a block in it belongs to the lane until that says it is done. */
  post(message: ToLane): void
  stop(): Promise<void>
}

export interface LaneEvents {
  onMessage(message: FromLane): void
  /** The lane ended although nobody asked it to. */
  onFailure(error: Error): void
}

/** `auto` lanes: one per core. */
export const autoLanes = (): number => Math.max(1, availableParallelism())

const WORKER_FILE = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)

/** A lane makes little garbage per block; the default of 48 MB per thread is memory that only fills up (measured: 20 MB less per lane). */
const YOUNG_GENERATION_MB = 6

/** Starts a lane thread; resolves when its parsers are loaded and warm. */
export async function startThreadLane(spec: LaneSpec, events: LaneEvents): Promise<Lane> {
  const worker = new Worker(fileURLToPath(WORKER_FILE), {
    workerData: spec,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB }
  })
  let stopping = false
  await new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve())
    worker.once('error', reject)
    worker.once('exit', code => reject(new Error(`Cannot start a lane: its thread ended with code ${code}`)))
  })
  worker.removeAllListeners('error')
  worker.removeAllListeners('exit')
  worker.on('message', (message: FromLane) => events.onMessage(message))
  let failure: Error | undefined
  worker.on('error', error => {
    failure = error as Error
  })
  const exited = new Promise<void>(resolve => {
    worker.once('exit', code => {
      resolve()
      if (!stopping) events.onFailure(failure ?? new Error(`The thread of a lane ended with code ${code}`))
    })
  })
  return {
    post: message => worker.postMessage(message),
    async stop() {
      stopping = true
      worker.postMessage({ type: 'stop' } satisfies ToLane)
      await Promise.race([exited, new Promise(resolve => setTimeout(resolve, 2000).unref())])
      await worker.terminate()
    }
  }
}

/** The engine on the calling thread; answers come in a later turn of the event loop, as from a thread. */
export function startInlineLane(spec: LaneSpec, parsers: readonly Parser[], events: LaneEvents): Lane {
  const engine = new LaneEngine(spec, parsers)
  const answer = (message: FromLane): void => void setImmediate(() => events.onMessage(message))
  return {
    post(message) {
      const blocks: Block[] = []
      const emit = (block: Block): void => void blocks.push(block)
      switch (message.type) {
        case 'close':
          for (const intake of message.intakes) engine.closeIntake(intake)
          return
        case 'block': {
          const block = new FrameBlock(message.memory)
          block.count = message.count
          block.used = message.used
          for (const [intake, candidates] of message.opens) engine.openIntake(intake, candidates)
          engine.process(block, emit)
          answer({ type: 'done', memory: message.memory, frames: message.count, blocks, pins: engine.takePins(), taps: engine.takeTaps() })
          return
        }
        case 'flush':
          engine.flush(emit)
          answer({ type: 'flushed', id: message.id, blocks, stats: engine.stats() })
          return
        case 'configure':
          engine.reconfigure(message.spec, message.intakes, emit)
          answer({ type: 'flushed', id: message.id, blocks, stats: engine.stats() })
          return
        case 'watch':
          engine.watch(message.filters)
          return
        case 'rest': // the thread has other things than the lane, and rests by itself
        case 'stop':
      }
    },
    stop: async () => undefined
  }
}

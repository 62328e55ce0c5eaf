/** A lane as a thread: takes messages, runs the engine, sends results. All work is in engine.ts. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Block } from '../contracts.ts'
import { FrameBlock } from '../lib/frame-block.ts'
import { collectGarbage, forgetStart } from '../lib/give-back.ts'
import { loadParsers } from '../parse/load.ts'
import { LaneEngine } from './engine.ts'
import type { FromLane, LaneSpec, ToLane } from './messages.ts'
import { warmUp } from './warm-up.ts'

const port = parentPort as MessagePort
const spec = workerData as LaneSpec
const parsers = await loadParsers()
forgetStart()
warmUp(spec, parsers)
const engine = new LaneEngine(spec, parsers)
collectGarbage()

const send = (message: FromLane, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer)
const memoryOf = (blocks: readonly Block[]): ArrayBuffer[] => blocks.map(block => block.bytes.buffer as ArrayBuffer)

port.on('message', (message: ToLane) => {
  switch (message.type) {
    case 'close':
      for (const intake of message.intakes) engine.closeIntake(intake)
      return
    case 'block': {
      const block = new FrameBlock(message.memory)
      block.count = message.count
      block.used = message.used
      const blocks: Block[] = []
      for (const [intake, candidates] of message.opens) engine.openIntake(intake, candidates)
      engine.process(block, made => blocks.push(made))
      send(
        { type: 'done', memory: message.memory, frames: message.count, blocks, pins: engine.takePins(), taps: engine.takeTaps() },
        memoryOf(blocks)
      )
      return
    }
    case 'flush': {
      const blocks: Block[] = []
      engine.flush(made => blocks.push(made))
      send({ type: 'flushed', id: message.id, blocks, stats: engine.stats() }, memoryOf(blocks))
      return
    }
    case 'configure': {
      const blocks: Block[] = []
      engine.reconfigure(message.spec, message.intakes, made => blocks.push(made))
      send({ type: 'flushed', id: message.id, blocks, stats: engine.stats() }, memoryOf(blocks))
      return
    }
    case 'watch':
      engine.watch(message.filters)
      return
    case 'rest':
      collectGarbage()
      return
    case 'stop':
      port.close()
  }
})
send({ type: 'ready' })

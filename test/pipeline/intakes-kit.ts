/** Real intakes and lanes over a spool in memory, for tests of what lies between receivers and the disk. */
import { EventEmitter } from 'node:events'
import type { Worker } from 'node:worker_threads'
import type { Test } from 'tap'
import type { SourceConfig } from '../../src/config/schema.ts'
import type { Block, Spool } from '../../src/contracts.ts'
import { LanePool } from '../../src/lanes/pool.ts'
import { loadParsers } from '../../src/parse/load.ts'
import { Intakes } from '../../src/pipeline/intakes.ts'
import { Outlet } from '../../src/pipeline/outlet.ts'
import { SourceBinding } from '../../src/pipeline/source-binding.ts'
import { specOf } from '../lanes/lane-kit.ts'

/** A source as far as it says whose frames are its own. */
export type BoundSource = Pick<SourceConfig, 'name' | 'from'>
export const bindingOf = (sources: readonly BoundSource[]): SourceBinding => new SourceBinding(sources as readonly SourceConfig[])

const ALL: BoundSource = { name: 'source-0', from: { peers: [], receivers: [] } }

export const line = (number: number): string =>
  `1767604530.250    120 192.0.2.10 TCP_MISS/200 4512 GET http://www.example.com/index.html u${number} HIER_DIRECT/203.0.113.10 text/html\n`
export const lines = (count: number): Buffer => Buffer.from(Array.from({ length: count }, (_, index) => line(index)).join(''))

/** A spool in memory that knows what was durable at each commit. */
export class MemorySpool extends EventEmitter implements Spool {
  full = false
  records = 0
  durable = 0

  /** No room: blocks are shed. */
  sheds = false

  append({ recordCount }: Block): boolean {
    if (!this.sheds) this.records += recordCount
    return !this.sheds
  }

  async commit(): Promise<void> {
    this.durable = this.records
    this.emit('commit')
  }

  hurry(): void {
    void this.commit()
  }

  async closeAll(): Promise<void> {}
}

export async function start(t: Test, lanes = 2, sources: readonly BoundSource[] = [ALL]) {
  const workers: Worker[] = []
  const onWorker = (worker: Worker) => void workers.push(worker)
  process.on('worker', onWorker)
  const spool = new MemorySpool()
  const outlet = new Outlet(spool)
  const pool = await LanePool.start(lanes, specOf(sources.map(({ name }) => ({ name }))), () => loadParsers(), {
    onBlocks: blocks => outlet.put(blocks),
    onLaneFailure: () => {}
  })
  const binding = bindingOf(sources)
  const intakes = new Intakes({ pool, outlet, binding, commitIntervalMs: 200 })
  t.teardown(async () => {
    process.off('worker', onWorker)
    await intakes.stop()
    await pool.stop()
  })
  return { intakes, pool, spool, workers, binding }
}

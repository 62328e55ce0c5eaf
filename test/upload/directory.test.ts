import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Segment } from '../../src/contracts.ts'
import { DirectoryDestination } from '../../src/upload/directory.ts'
import { UploadStats } from '../../src/upload/stats.ts'
import { Uploader } from '../../src/upload/uploader.ts'
import { scratchDir } from '../test-dir.ts'
import { FlyingClock, MemoryQueue } from './world.ts'

const dir = scratchDir('directory')
t.teardown(() => rmSync(dir, { recursive: true, force: true }))

const segment = (name: string, over: Partial<Segment> = {}): Segment => {
  const path = join(dir, name)
  writeFileSync(path, 'bytes')
  const facts = {
    createdMs: Date.UTC(2026, 0, 2),
    closedMs: 0,
    bytes: 5,
    rawBytes: 5,
    recordCount: 1,
    firstTime: 0,
    lastTime: 0,
    ambiguousFinalises: 0
  }
  return { id: `20260102000000-${name}`, source: 'HQ', format: 'cef', step: 'closed', path, ...facts, ...over }
}

t.test('segments are copied under their upload name and leave the queue', async t => {
  const queue = new MemoryQueue()
  const stats = new UploadStats()
  const destination = new DirectoryDestination({ dir: join(dir, 'out'), stats })
  const uploader = new Uploader({ queue, destination, stats, clock: new FlyingClock() })
  queue.add(segment('000001'))
  queue.add(segment('000002', { bytes: 6 }))
  uploader.start()
  for (let left = 6000; left > 0 && queue.waiting().length > 0; left--) await new Promise(resolve => setTimeout(resolve, 10))
  await uploader.stop(new AbortController().signal)
  t.same(readdirSync(join(dir, 'out', 'HQ')), ['HQ-20260102T000000Z-000001.log.gz'])
  t.equal(readFileSync(join(dir, 'out', 'HQ', 'HQ-20260102T000000Z-000001.log.gz'), 'utf8'), 'bytes')
  t.match([...queue.refused.values()], [/has 5 bytes, expected 6/])
  t.match(stats.sources.get('HQ'), { files: 1, setAside: 1 })
})

t.test('a folder that cannot be written is a failure that may pass and leaves no partial file', async t => {
  const queue = new MemoryQueue()
  writeFileSync(join(dir, 'file'), '')
  const destination = new DirectoryDestination({ dir: join(dir, 'file'), stats: new UploadStats() })
  await t.rejects(destination.upload(segment('000003'), queue, new AbortController().signal), { code: 'UPLOAD_RETRY', retryable: true })
  t.same(queue.history, [])
})

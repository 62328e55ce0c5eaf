import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseConfig } from '../../src/config/load.ts'
import { loadParsers } from '../../src/parse/load.ts'
import { BackfillJob } from '../../src/pipeline/backfill-job.ts'
import { JobDirectory } from '../../src/pipeline/backfill-state.ts'
import { laneSpec } from '../../src/pipeline/lane-spec.ts'
import { testDir } from '../test-dir.ts'

t.test('a segment that the service has is never given out again, also when the disk refuses to note it', async t => {
  const dir = testDir(t)
  const file = join(dir, 'a.log')
  writeFileSync(
    file,
    '1790845731.004    217 192.0.2.10 TCP_MISS/200 18342 GET http://files.example.com/r.pdf u1 HIER_DIRECT/203.0.113.10 -\n'
  )
  const { config } = parseConfig('sources: [{ name: HQ, appliance: squid-native }]', { file: 'test', env: {}, cwd: dir })
  const directory = new JobDirectory(dir, 'key')
  await directory.begin({ key: 'key', file, target: 'data source HQ', fingerprint: '', startedMs: 1_790_845_732_000 })
  const job = await BackfillJob.open(directory, { maxBytes: 1e9, diskReserveBytes: 0 })
  t.teardown(() => job.close())
  await job.read(
    {
      path: file,
      bytes: 1e6,
      signal: new AbortController().signal,
      onProgress: () => {},
      spec: laneSpec(config),
      parsers: await loadParsers(),
      nowMs: 1_790_845_732_000
    },
    async () => {}
  )
  const [id] = job.waiting()
  t.equal((await job.segment(id!))?.recordCount, 1)
  await job.advance(id!, 'finalising')

  // In the place of the list of what left lies something that no line can be added to.
  mkdirSync(join(directory.dir, 'departed.jsonl'))
  await t.rejects(job.done(id!), { code: 'EISDIR' })
  await t.rejects(job.segment(id!), { code: 'EISDIR' }, 'not given out for another finalise call')
  t.match(await job.totals(), { uploaded: { records: 0 }, waiting: { records: 1 } })
  rmdirSync(join(directory.dir, 'departed.jsonl'))
  t.equal(await job.segment(id!), undefined)
  t.same(job.waiting(), [])
  t.match(await job.totals(), { uploaded: { files: 1, records: 1 }, waiting: { files: 0 }, ambiguousFinalises: 0 })
})

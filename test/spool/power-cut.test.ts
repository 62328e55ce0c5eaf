import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { blockOf, openSpool, scratchDirectory } from './blocks.ts'
import { PowerCutIo } from './power-cut-io.ts'

t.setTimeout(600_000)

/** What somebody was told by then. */
interface Told {
  /** Lines whose commit has resolved. */
  lines: string[]
  /** The step that was persisted last. */
  step: 'closed' | 'issued' | 'stored' | 'finalising' | 'done'
}

t.test('power is cut after each single change of the disk: what was confirmed is there, and an upload is where it was', async t => {
  const io = new PowerCutIo()
  const dir = scratchDirectory()
  const told: Told = { lines: [], step: 'closed' }
  const cuts: { restore: (target: string) => void; told: Told }[] = []
  io.changed = () => cuts.push({ restore: io.cut(dir), told: { lines: [...told.lines], step: told.step } })
  const spool = await openSpool(dir, { io })
  for (const [source, line] of [
    ['HQ', '1'],
    ['HQ', '2'],
    ['Branch', '3']
  ] as const) {
    spool.append(blockOf(source, [`line ${line}`]))
    await spool.commit()
    told.lines.push(`line ${line}`)
  }
  await spool.closeAll()
  const uploaded = spool.waiting().find(id => spool.sourceOf(id) === 'HQ')!
  for (const step of ['issued', 'stored', 'finalising'] as const) {
    await spool.advance(uploaded, step, step === 'issued' ? { uploadUrl: 'http://127.0.0.1:1/x', provider: 'azure' } : {})
    told.step = step
  }
  await spool.done(uploaded)
  told.step = 'done'
  spool.append(blockOf('HQ', ['line 4']))
  await spool.commit()
  told.lines.push('line 4')
  await spool.close()
  t.ok(cuts.length > 30, `${cuts.length} cuts`)

  for (const [index, { restore, told }] of cuts.entries()) {
    const target = scratchDirectory()
    restore(target)
    const after = await openSpool(target)
    const lines: string[] = []
    for await (const { id } of after.reader.list()) for await (const line of after.reader.lines(id)) lines.push(line.toString())
    t.same(
      told.lines.filter(line => !lines.includes(line)),
      [],
      `cut ${index}: ${told.lines.length} lines were confirmed`
    )
    for (const id of after.waiting()) t.equal(await after.inspect(id), undefined, `cut ${index}: what waits is whole`)
    t.equal((await after.reader.ids('set-aside')).length, 0, `cut ${index}: nothing is set aside`)
    const segment = after.waiting().includes(uploaded) ? await after.segment(uploaded) : undefined
    if (told.step === 'finalising') t.ok(segment === undefined || segment.step === 'finalising', `cut ${index}: the call is known`)
    const onDisk = ['open', 'closed', 'archive'].flatMap(folder =>
      readdirSync(join(target, folder)).map(name => statSync(join(target, folder, name)).size)
    )
    t.equal(
      after.stats().bytes,
      onDisk.reduce((sum, size) => sum + size, 0),
      `cut ${index}: bytes are those of the files`
    )
    if (told.step === 'done') t.equal(segment, undefined, `cut ${index}: it is not uploaded again`)
    await after.close()
  }
})

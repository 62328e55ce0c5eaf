import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startAdmin } from '../../src/admin/server.ts'
import { runCommandLine } from '../../src/cli/command-line.ts'
import type { SegmentSpool } from '../../src/spool/spool.ts'
import { fakeSource } from '../admin/fake-source.ts'
import { blockOf, openSpool } from '../spool/blocks.ts'
import { testDir } from '../test-dir.ts'
import { memoryIo } from './memory-io.ts'

/** One segment in each folder; the set-aside one is sound. */
async function fill(spool: SegmentSpool): Promise<{ archived: string; setAside: string; closed: string; open: string }> {
  const ids: string[] = []
  for (const lines of [['archived 1', 'archived 2'], ['aside 1'], ['closed 1', 'closed 2', 'closed 3']]) {
    spool.append(blockOf('HQ', lines))
    await spool.closeAll()
    ids.push(spool.waiting().at(-1)!)
  }
  const [archived, setAside, closed] = ids as [string, string, string]
  await spool.done(archived)
  await spool.setAside(setAside, 'the service answered 400\u001b[31m')
  await spool.advance(closed, 'issued', { uploadUrl: 'https://storage.example/x?sig=SECRET', provider: 'azure' })
  spool.append(blockOf('Branch', ['open 1']))
  await spool.commit()
  const [open] = await spool.reader.ids('open')
  return { archived, setAside, closed, open: open! }
}

async function setUp(t: Test, { adminListen = '127.0.0.1:1', isRunning = true } = {}) {
  const cwd = testDir(t)
  const dir = join(cwd, 'spool')
  writeFileSync(join(cwd, 'sluice.yaml'), `spool: { dir: ${dir}, min_free_bytes: 1MiB }\nadmin: { listen: "${adminListen}" }\n`)
  const spool = await openSpool(dir)
  const ids = await fill(spool)
  if (isRunning) t.teardown(() => spool.close())
  else await spool.close()
  const run = async (...args: string[]) => {
    const io = memoryIo(cwd)
    return { code: await runCommandLine(['spool', ...args], io), out: io.out(), err: io.err() }
  }
  return { cwd, dir, ids, run }
}

t.test('ls shows what waits, is open, set aside and archived, beside a running collector', async t => {
  const { ids, run } = await setUp(t)
  const { code, out } = await run('ls')
  t.equal(code, 0)
  t.match(out, new RegExp(`^${ids.open} +open +cef +1 .* Branch$`, 'm'))
  t.match(out, new RegExp(`^${ids.closed} +issued +cef +3 .* HQ$`, 'm'))
  t.match(out, new RegExp(`^${ids.archived} +done +cef +2 .* HQ$`, 'm'))
  t.match(out, /1 open \(1 records, .*1 waiting \(3 records, .*1 archived \(2 records, .*1 set aside \(1 records/)
  t.match(out, /the service answered 400\\x1b\[31m/, 'with its reason, harmless on a terminal')
})

t.test('ls --json gives one object a segment and never the upload URL, which is a key', async t => {
  const { ids, run } = await setUp(t)
  const { out } = await run('ls', '--json')
  t.notMatch(out, 'SECRET')
  const rows = out
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  t.match(
    rows.map(({ id, state, step, records }) => [id, state, step, records]),
    [
      [ids.open, 'open', 'open', 1],
      [ids.closed, 'waiting', 'issued', 3],
      [ids.archived, 'archived', 'done', 2],
      [ids.setAside, 'set aside', 'set-aside', 1]
    ]
  )
  t.match(rows[3], { reason: /400/, source: 'HQ', format: 'cef' })
})

t.test('check finds all sound, and says which is not and why', async t => {
  const { dir, ids, run } = await setUp(t)
  t.match(await run('check'), { code: 0, out: /4 checked, 0 not sound/ })
  const path = join(dir, 'closed', `${ids.closed}.gz`)
  const bytes = readFileSync(path)
  bytes[20]! ^= 0xff
  writeFileSync(path, bytes)
  const { code, out } = await run('check')
  t.equal(code, 1)
  t.match(out, new RegExp(`^${ids.closed}  piece 1 of 1, at byte 10, is not what the ledger says$`, 'm'))
  t.match(out, /4 checked, 1 not sound/)
  t.match(await run('check', ids.archived, '--json'), { code: 0, out: `{"id":"${ids.archived}","sound":true}\n` })
  t.match(await run('check', '../../etc/passwd'), { code: 1, out: /there is no such segment/ })
})

t.test('export gives the lines as they are in the file, to a pipe or to a new file of one’s own', async t => {
  const { cwd, ids, run } = await setUp(t)
  t.match(await run('export', ids.closed), { code: 0, out: 'closed 1\nclosed 2\nclosed 3\n' })
  t.match(await run('export', ids.open), { code: 0, out: 'open 1\n' })
  t.match(await run('export', ids.archived, '--output', 'lines.log'), { code: 0 })
  const path = join(cwd, 'lines.log')
  t.equal(readFileSync(path, 'utf8'), 'archived 1\narchived 2\n')
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.match(await run('export', ids.closed, '--output', 'lines.log'), { code: 1, err: /EEXIST/ }, 'nothing is written over')
  t.equal(readFileSync(path, 'utf8'), 'archived 1\narchived 2\n')
  t.match(await run('export', '00000000000001-000000', '-o', 'none.log'), { code: 1, err: /Cannot find segment/ })
  t.notOk(existsSync(join(cwd, 'none.log')))
})

t.test('export of a damaged segment gives the lines that can be read, says that some are missing, and fails', async t => {
  const { cwd, dir, run } = await setUp(t, { isRunning: false })
  const spool = await openSpool(dir)
  for (const lines of [['one 1', 'one 2'], ['two 1']]) spool.append(blockOf('Damaged', lines))
  await spool.closeAll()
  const id = spool.waiting().at(-1)!
  const { pieces } = await spool.reader.ledger(id, 'closed')
  await spool.close()
  const path = join(dir, 'closed', `${id}.gz`)
  const bytes = readFileSync(path)
  bytes[pieces.at(-1)!.offset + 3]! ^= 0x10
  writeFileSync(path, bytes)
  for (const args of [
    ['export', id],
    ['export', id, '-o', 'rest.log']
  ]) {
    const { code, out, err } = await run(...args)
    t.equal(code, 1)
    t.equal(args.length === 2 ? out : readFileSync(join(cwd, 'rest.log'), 'utf8'), 'one 1\none 2\n')
    t.match(err, new RegExp(`${id} is damaged, so lines of it may be missing: piece 2 of 2`))
  }
})

t.test('replay works on the spool itself when no collector runs', async t => {
  const { dir, ids, run } = await setUp(t, { isRunning: false })
  t.match(await run('replay', ids.archived), { code: 0, out: /waits for its upload again; the collector takes it at its next start/ })
  t.match(await run('replay', ids.setAside, '--json'), { code: 0, out: /"by":"spool"/ })
  const spool = await openSpool(dir)
  t.teardown(() => spool.close())
  t.same(spool.waiting(), [ids.archived, ids.setAside, ids.closed])
  t.equal((await spool.reader.ids('open')).length, 1, 'what was open still is')
})

t.test('replay asks the collector that has the spool', async t => {
  const source = fakeSource()
  const server = await startAdmin(source, { host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  const { ids, run } = await setUp(t, { adminListen: new URL(server.url).host })
  t.match(await run('replay', ids.archived, '--json'), { code: 0, out: /"by":"collector"/ })
  t.same(source.replayed, [ids.archived])
  t.match(await run('replay', '11110000000000-000000'), { code: 1, err: /piece 1 of 1 is damaged \(SEGMENT_DAMAGED\)/ })
})

t.test('replay says so when a process has the spool and no collector answers', async t => {
  const { ids, run } = await setUp(t)
  t.match(await run('replay', ids.archived), { code: 1, err: /A process has the spool .*, but no collector answers/ })
})

t.test('a directory without a spool, and one of another version, are refused and not touched', async t => {
  const { cwd, dir, run } = await setUp(t, { isRunning: false })
  t.match(await run('ls', '--dir', 'nothing'), { code: 1, err: /there is none \(SPOOL_VERSION\)/ })
  t.notOk(existsSync(join(cwd, 'nothing')))
  writeFileSync(join(dir, 'VERSION'), 'sluice-spool 99\n')
  for (const args of [['ls'], ['check'], ['export', '00000000000001-000000'], ['replay', '00000000000001-000000']])
    t.match(await run(...args), { code: 1, err: /it is of version 99, this program reads version 1/ }, args.join(' '))
})

t.test('wrong usage is told', async t => {
  const { run } = await setUp(t)
  for (const args of [
    [],
    ['rm'],
    ['ls', 'x'],
    ['export'],
    ['replay', 'a', 'b'],
    ['replay', '../x'],
    ['ls', '--output', 'x'],
    ['export', 'x', '--json']
  ])
    t.equal((await run(...args)).code, 2, args.join(' '))
})

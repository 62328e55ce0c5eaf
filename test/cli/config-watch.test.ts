import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { watchConfig } from '../../src/cli/config-watch.ts'
import { until } from '../integration/collector-kit.ts'
import { testDir } from '../test-dir.ts'

const INTERVAL_MS = 20
const SEVERAL_LOOKS_MS = 400

function start(t: Test, files: readonly string[]) {
  const seen = { changes: 0 }
  const watch = watchConfig(() => seen.changes++, INTERVAL_MS)
  t.teardown(() => watch.close())
  watch.watch(files)
  watch.know()
  return { watch, seen, changed: (times: number) => until(`${times} changes`, () => seen.changes === times) }
}

t.test('new content is noticed, by writing, by renaming and by swapping a symbolic link', async t => {
  const dir = testDir(t, { 'sluice.yaml': 'one' })
  const file = join(dir, 'sluice.yaml')
  const { seen, changed } = start(t, [file])
  writeFileSync(file, 'two')
  await changed(1)
  writeFileSync(`${file}.new`, 'three')
  renameSync(`${file}.new`, file)
  await changed(2)
  for (const version of ['four', 'five']) {
    mkdirSync(join(dir, version))
    writeFileSync(join(dir, version, 'sluice.yaml'), version)
  }
  symlinkSync('four', join(dir, '..data'))
  symlinkSync('..data/sluice.yaml', `${file}.new`)
  renameSync(`${file}.new`, file)
  await changed(3)
  symlinkSync('five', join(dir, '..next'))
  renameSync(join(dir, '..next'), join(dir, '..data'))
  await changed(4)
  await sleep(SEVERAL_LOOKS_MS)
  t.equal(seen.changes, 4, 'each was noticed once')
})

t.test('a touch, a file that is gone for a moment, and what is known already are no change', async t => {
  const file = join(testDir(t, { 'sluice.yaml': 'one', token: 'a' }), 'sluice.yaml')
  const { watch, seen, changed } = start(t, [file, join(file, '../token')])
  utimesSync(file, 1, 1)
  rmSync(file)
  await sleep(SEVERAL_LOOKS_MS)
  writeFileSync(file, 'one')
  await sleep(SEVERAL_LOOKS_MS)
  writeFileSync(file, 'two')
  watch.know()
  await sleep(SEVERAL_LOOKS_MS)
  t.equal(seen.changes, 0)
  writeFileSync(join(file, '../token'), 'b')
  await changed(1)
})

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { SpoolLock } from '../../src/spool/lock.ts'
import { scratchDirectory } from './blocks.ts'

const LOCK = fileURLToPath(new URL('../../src/spool/lock.ts', import.meta.url))

/** Tries to take the lock in another process; returns its message, or `taken`. */
function tryElsewhere(dir: string): string {
  const program = `const { SpoolLock } = await import(${JSON.stringify(LOCK)})
    try { await SpoolLock.take(${JSON.stringify(dir)}); console.log('taken') } catch (error) { console.log(error.code, error.message) }`
  return spawnSync(process.execPath, ['--input-type=module', '-e', program]).stdout.toString().trim()
}

function directory(): string {
  const dir = scratchDirectory()
  mkdirSync(dir)
  return dir
}

t.test('a second process is refused while the first lives, and welcome afterwards', async t => {
  const dir = directory()
  const lock = await SpoolLock.take(dir)
  t.match(tryElsewhere(dir), new RegExp(`SPOOL_UNUSABLE .*process ${process.pid} on`))
  await t.rejects(SpoolLock.take(dir), { code: 'SPOOL_UNUSABLE', message: /this process/ })
  await lock.release()
  t.notOk(existsSync(join(dir, 'lock')))
  t.equal(tryElsewhere(dir), 'taken')
})

t.test('the lock of a process that died is taken over, and so is one whose pid now is another process', async t => {
  const dir = directory()
  t.equal(tryElsewhere(dir), 'taken', 'it ended without releasing')
  t.ok(existsSync(join(dir, 'lock')))
  await (await SpoolLock.take(dir)).release()
  writeFileSync(join(dir, 'lock'), JSON.stringify({ host: hostname(), pid: process.ppid, started: 'another boot 17' }))
  await (await SpoolLock.take(dir)).release()
  writeFileSync(join(dir, 'lock'), JSON.stringify({ host: hostname(), pid: process.pid, started: '' }))
  await (await SpoolLock.take(dir)).release()
  t.notOk(existsSync(join(dir, 'lock')))
})

t.test('an owner on another host, or an unreadable lock, counts as alive as long as the file is fresh', async t => {
  const dir = directory()
  const path = join(dir, 'lock')
  for (const content of [JSON.stringify({ host: 'elsewhere', pid: 1, started: '' }), '', '{"pid":']) {
    writeFileSync(path, content)
    await t.rejects(SpoolLock.take(dir), { code: 'SPOOL_UNUSABLE', retryable: true })
    utimesSync(path, 1, 1)
    await (await SpoolLock.take(dir)).release()
  }
})

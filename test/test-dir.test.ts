import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { testDir } from './test-dir.ts'

t.test('the directory of a test is there until its teardowns have ended what writes to it, and then goes', async t => {
  const seen: boolean[] = []
  let dir = ''
  await t.test('a test', async t => {
    dir = testDir(t, { file: 'text' })
    t.ok(existsSync(dir))
    t.teardown(async () => {
      await new Promise(resolve => setImmediate(resolve))
      seen.push(existsSync(join(dir, 'file')))
    })
  })
  t.same(seen, [true])
  t.notOk(existsSync(dir))
})

t.test('every test takes its directory so', t => {
  const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  const others = files.filter(file => file.endsWith('.test.ts') && !file.includes('node_modules'))
  const own = others.filter(file => /\.testdir[(]/.test(readFileSync(join(import.meta.dirname, file), 'utf8')))
  t.same(own, [])
  t.end()
})

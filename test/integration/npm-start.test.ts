/** `npm start`, as the README has it: SIGTERM to npm ends the collector behind it gracefully, and nothing stays. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/lib/package-root.ts'
import { killGroup, spawn } from '../child-kit.ts'
import { testDir } from '../test-dir.ts'
import { configText, until } from './collector-kit.ts'

t.setTimeout(600_000)

t.test('SIGTERM to npm stops the collector gracefully', async t => {
  const cwd = testDir(t)
  const file = join(cwd, 'sluice.yaml')
  writeFileSync(file, configText({ receivers: [{ name: 'in', protocols: ['tcp'] }], sources: [{ name: 'a' }], lanes: 1 }, cwd))
  const npm = spawn('npm', ['start', '--', '--config', file], { cwd: packageRoot(), stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  const closed = once(npm, 'close')
  t.teardown(() => {
    killGroup(npm)
    return closed
  })
  let log = ''
  npm.stdout.on('data', chunk => {
    log += String(chunk)
  })
  await until('it runs', () => log.includes('"msg":"uploads: '), () => log) // biome-ignore format: short
  npm.kill('SIGTERM')
  await closed // and all that was said is here
  t.match(log, /"msg":"stopped"/)
  t.throws(() => process.kill(-npm.pid!, 0), { code: 'ESRCH' }, 'no process of the group is left')
})

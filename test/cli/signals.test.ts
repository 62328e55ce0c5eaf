import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { spawn } from '../child-kit.ts'

/** Starts test/cli/stoppable.ts; `said` resolves once it has printed the text. */
function start(t: Test, how: string, deadlineMs = 60_000) {
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, 'stoppable.ts'), how, String(deadlineMs)], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  child.stdout!.on('data', chunk => {
    output += chunk
  })
  const said = async (text: string): Promise<void> => {
    while (!output.includes(text)) await once(child.stdout!, 'data')
  }
  return { child, said, exit: once(child, 'exit') }
}

t.test('SIGTERM and SIGINT stop gracefully with exit code 0', async t => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { child, said, exit } = start(t, 'quick')
    await said('ready')
    child.kill(signal)
    await said(`stopping ${signal}`)
    t.same(await exit, [0, null], signal)
  }
})

t.test('a second signal ends at once', async t => {
  const { child, said, exit } = start(t, 'never')
  await said('ready')
  child.kill('SIGTERM')
  await said('stopping')
  await new Promise(resolve => setTimeout(resolve, 600))
  child.kill('SIGTERM')
  t.same(await exit, [1, null])
})

t.test('a signal that comes twice at a time, as Ctrl-C does under npm, is one', async t => {
  const { child, said, exit } = start(t, 'slow')
  await said('ready')
  child.kill('SIGINT')
  await said('stopping')
  child.kill('SIGINT')
  t.same(await exit, [0, null])
})

t.test('a stop that never ends is cut off at the deadline', async t => {
  const { child, said, exit } = start(t, 'never', 50)
  await said('ready')
  child.kill('SIGTERM')
  await said('the stop took longer than 50 ms')
  t.same(await exit, [1, null])
})

t.test('a stop that fails shows in the exit code', async t => {
  const { child, said, exit } = start(t, 'fails')
  await said('ready')
  child.kill('SIGTERM')
  await said('the stop failed')
  t.same(await exit, [1, null])
})

t.test('SIGHUP reloads and does not stop', async t => {
  const { child, said, exit } = start(t, 'quick')
  await said('ready')
  child.kill('SIGHUP')
  await said('reload')
  child.kill('SIGTERM')
  t.same(await exit, [0, null])
})

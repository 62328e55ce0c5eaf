/** However a test's process ends, its children end with it: nobody is left who holds its output open. */
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { spawn } from './child-kit.ts'

t.setTimeout(600_000)

const KIT = join(import.meta.dirname, 'child-kit.ts')
const ENDS: Record<string, string> = {
  'an exception': 'throw new Error("expected by the test")',
  'process.exit': 'process.exit(3)',
  'the signal of the runner': 'process.kill(process.pid, "SIGTERM")',
  'the signal of tap': 'process.kill(process.pid, "SIGALRM")'
}

for (const [how, end] of Object.entries(ENDS))
  for (const detached of [false, true])
    t.test(`${how} ends ${detached ? 'a group' : 'a child'}, too`, async t => {
      // The child, and in a group another that it starts, have the output that we read.
      const child = detached ? "['-c', 'sleep 1000 & sleep 1000']" : "['-c', 'exec sleep 1000']"
      const program = `import { spawn } from ${JSON.stringify(KIT)}
        spawn('sh', ${child}, { stdio: ['ignore', 'inherit', 'ignore'], detached: ${detached} })
        setInterval(() => {}, 1000)
        setTimeout(() => { ${end} }, 300)`
      const parent = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'ignore'] })
      const output = parent.stdout!.resume()
      await once(output, 'close')
      t.not(parent.exitCode, 0)
    })

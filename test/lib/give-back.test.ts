import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { collectGarbage, trimMalloc } from '../../src/lib/give-back.ts'

const residentBytes = (): number => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024

t.test('garbage is collected when it is asked for, and the function is not left behind', async t => {
  const ref = new WeakRef({ text: 'x'.repeat(1000) })
  await turn() // what a turn has seen stays until its end
  collectGarbage()
  t.equal(ref.deref(), undefined)
  t.equal('gc' in globalThis, false)
})

t.test('threads that collect at the same moment do not disturb each other', async t => {
  const module = new URL('../../src/lib/give-back.ts', import.meta.url).href
  const code = `import(${JSON.stringify(module)}).then(({ collectGarbage }) => collectGarbage())`
  for (let round = 0; round < 5; round++) {
    const ends = Array.from({ length: 6 }, () => once(new Worker(code, { eval: true }), 'exit'))
    t.same(
      (await Promise.all(ends)).map(([code]) => code),
      [0, 0, 0, 0, 0, 0]
    )
  }
})

t.test('what malloc keeps after it was freed goes back to the system', async t => {
  const PIECE_BYTES = 64 * 1024
  // Every tenth stays, so that malloc has holes and no free end.
  const kept: Buffer[] = []
  const fill = (): void => {
    const all = Array.from({ length: 1500 }, () => Buffer.alloc(PIECE_BYTES, 1))
    kept.push(...all.filter((_, index) => index % 10 === 0))
  }
  fill()
  await turn()
  collectGarbage()
  await turn()
  const before = residentBytes()
  trimMalloc()
  const given = before - residentBytes()
  t.ok(given > 40e6, `${given} bytes given back`)
  t.equal(kept.length, 150)
})

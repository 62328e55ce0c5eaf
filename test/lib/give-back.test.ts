import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { getHeapCodeStatistics } from 'node:v8'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { collectGarbage, forgetStart, trimMalloc } from '../../src/lib/give-back.ts'

const residentBytes = (): number => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024

t.test('garbage is collected when it is asked for, and the function is not left behind', async t => {
  const ref = new WeakRef({ text: 'x'.repeat(1000) })
  await turn() // what a turn has seen stays until its end
  collectGarbage()
  t.equal(ref.deref(), undefined)
  t.equal('gc' in globalThis, false)
})

t.test('code that only the start ran is forgotten, and runs nevertheless when it is called again', t => {
  const bytecode = (): number => getHeapCodeStatistics().bytecode_and_metadata_size
  const body = Array.from({ length: 20_000 }, (_, i) => `if (x === ${i}) sum += x * ${i}`).join('\n')
  const start = new Function('x', `let sum = 0\n${body}\nreturn sum`) as (x: number) => number
  t.equal(start(7), 49)
  collectGarbage()
  const before = bytecode()
  forgetStart()
  const forgotten = before - bytecode()
  t.ok(forgotten > 200_000, `${forgotten} bytes of code forgotten`)
  t.equal(start(9), 81)
  t.end()
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

/** The vector code is kept compiled; what is kept must be what its source says. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { vectorCode } from '../../src/lib/lane-memory.ts'
import { CODE_FILE, codeOf, compile } from '../../src/lib/simd/build.ts'

t.test('the vector code that is kept is what src/lib/simd compiles to', { timeout: 120_000 }, async t => {
  t.equal(readFileSync(CODE_FILE, 'utf8'), codeOf(await compile()), 'npm run simd writes it')
})

t.test('this machine runs the vector code', async t => t.ok(vectorCode))

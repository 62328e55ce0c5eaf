/** The vector code is kept compiled; what is kept must be what its source says. Where it cannot run, lines are read all the same. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { vectorCode } from '../../src/lib/lane-memory.ts'
import { packageRoot } from '../../src/lib/package-root.ts'
import { CODE_FILE, codeOf, compile } from '../../src/lib/simd/build.ts'

const MAIN = join(packageRoot(), 'src/main.ts')
const LOGS = ['fortinet-fortigate/key-value.log', 'paloalto/csv.log', 'squid-native/native.log'].map(name =>
  join(packageRoot(), 'test/fixtures', name)
)

t.test('the vector code that is kept is what src/lib/simd compiles to', { timeout: 600_000 }, async t => {
  t.equal(readFileSync(CODE_FILE, 'utf8'), codeOf(await compile()), 'npm run simd writes it')
})

t.test('this machine runs the vector code', async t => t.ok(vectorCode))

t.test('a machine without vector instructions reads the same', { timeout: 600_000 }, async t => {
  // such a machine refuses to make code of the module
  const refuse = `
    const { Instance } = WebAssembly
    WebAssembly.Instance = function (module, imports) {
      if (imports?.env?.memory === undefined) return new Instance(module, imports)
      process.stderr.write('refused ')
      throw new WebAssembly.CompileError('Wasm SIMD unsupported')
    }`
  const parse = (...options: string[]) =>
    promisify(execFile)(process.execPath, ['--no-warnings', ...options, MAIN, 'parse', '--time-zone', 'UTC', ...LOGS])
  const [fast, plain] = await Promise.all([parse(), parse('--import', `data:text/javascript,${encodeURIComponent(refuse)}`)])
  t.match(plain.stderr, /refused/, 'there was no vector code')
  t.notMatch(fast.stderr, /refused/)
  t.equal(plain.stdout, fast.stdout)
  t.ok(fast.stdout.split('"parsed"').length > 20)
})

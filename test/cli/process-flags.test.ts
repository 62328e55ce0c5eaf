import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { missingFlags, type Start, V8_FLAGS } from '../../src/cli/process-flags.ts'

const settingsFile = join(import.meta.dirname, '../../config/openssl.cnf')
const start = (facts: Partial<Start>) => missingFlags({ args: [], execArgv: [], env: {}, settingsFile, ...facts })

t.test('run, said or meant, is started again with the settings and the flags it had', async t => {
  for (const args of [[], ['run'], ['run', '-c', 'x'], ['--config', 'x'], ['starter']])
    t.same(
      start({ args, execArgv: ['--inspect'] }),
      ['--inspect', `--openssl-config=${settingsFile}`, '--max-semi-space-size=2'],
      args.join(' ')
    )
})

t.test('once started again it is left alone', async t => {
  t.equal(start({ execArgv: start({})! }), undefined)
})

t.test('verbs that do not listen are left alone', async t => {
  for (const verb of ['validate', 'parse', 'status', 'healthcheck', 'tenant']) t.equal(start({ args: [verb] }), undefined, verb)
})

t.test('settings that somebody chose are kept, however they were given', async t => {
  t.equal(start({ env: { OPENSSL_CONF: '/etc/fips.cnf' } }), undefined)
  t.equal(start({ env: { NODE_OPTIONS: '--openssl-config=/etc/fips.cnf' } }), undefined)
  t.equal(start({ execArgv: ['--openssl-config', '/etc/fips.cnf'] }), undefined)
  t.equal(start({ execArgv: ['--openssl-shared-config'] }), undefined)
  t.equal(start({ settingsFile: '/missing/openssl.cnf' }), undefined, 'a package without the file starts as it is')
})

t.test('this Node knows the flags of V8 that are set later, where an unknown one would only be lost', async t => {
  const isKnown = (flag: string): boolean => spawnSync(process.execPath, [flag, '-e', '']).status === 0
  for (const flag of V8_FLAGS) t.ok(isKnown(flag), flag)
  t.notOk(isKnown('--max-inlined-bytecode-size-imagined=2500'))
})

import t, { type Test } from 'tap'
import { startAdmin } from '../../src/admin/server.ts'
import { runCommandLine } from '../../src/cli/command-line.ts'
import { fakeSource } from '../admin/fake-source.ts'
import { memoryIo } from './memory-io.ts'

async function tap(t: Test, ...args: string[]) {
  const server = await startAdmin(fakeSource(), { host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  const io = memoryIo('/')
  return { code: await runCommandLine(['tap', '--url', server.url, ...args], io), out: io.out(), err: io.err() }
}

t.test('shows what could not be read, with reason, and nothing that colors a terminal', async t => {
  const { code, out } = await tap(t)
  t.equal(code, 0)
  t.match(out, /HQ-FortiGate malformed fortinet-fortigate \(bad_time\): <189>date=\?/)
  t.match(out, /hello\\x1b\[31m/)
})

t.test('filters by outcome and source, and prints JSON', async t => {
  const { out } = await tap(t, '--outcome', 'unidentified', '--json')
  const samples = out
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  t.match(samples, [{ outcome: 'unidentified', reason: 'unidentified' }])
  t.equal((await tap(t, '--source', 'HQ-FortiGate')).out.split('\n').length, 2)
})

t.test('an unknown outcome is a usage error', async t => {
  const { code, err } = await tap(t, '--outcome', 'lost')
  t.equal(code, 2)
  t.match(err, /expected malformed, unidentified, rejected/)
})

t.test('a stage that does not exist, and an outcome that a stage does not have, are usage errors', async t => {
  t.equal((await tap(t, '--stage', 'cooked')).code, 2)
  t.match((await tap(t, '--stage', 'uploaded', '--outcome', 'dropped')).err, /expected parsed/)
  t.equal((await tap(t, '--limit', '0')).code, 2)
})

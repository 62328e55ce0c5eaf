/** `sluice guide --wait` beside a running collector: it says what arrived, or why what arrived is no good. */
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runCommandLine } from '../../src/cli/command-line.ts'
import guide from '../../src/guide/appliances/fortinet-fortigate.ts'
import { memoryIo } from '../cli/memory-io.ts'
import { testDir } from '../test-dir.ts'
import { connectTo, type RunningCollector, startCollector, until } from './collector-kit.ts'

t.setTimeout(600_000)

async function started(t: Test): Promise<RunningCollector> {
  return startCollector(t, testDir(t), { receivers: [{ name: 'in', protocols: ['tcp'] }], sources: [{ name: 'fw' }], lanes: 1 })
}

const ask = (collector: RunningCollector, ...args: string[]) => {
  const io = memoryIo(collector.cwd)
  const config = join(collector.cwd, 'sluice.yaml')
  return { io, code: runCommandLine(['guide', ...args, '--config', config, '--url', collector.adminUrl], io) }
}

t.test('the commands hold the port that the collector really listens on', async t => {
  const collector = await started(t)
  const { io, code } = ask(collector, 'fortigate')
  t.equal(await code, 0)
  const out = io.out()
  t.match(out, `set port ${collector.port('in', 'syslog-tcp')}`)
  t.match(out, 'set server "127.0.0.1"')
  t.match(out, 'Its lines go to the source fw by their bytes')
  const other = ask(collector, 'fortigate', '--way', 'tls', '--host', 'collector.example.com')
  await other.code
  t.match(other.io.out(), /the configuration has no receiver for syslog over TLS.*type: syslog-tls.*set server "collector.example.com"/s)
})

t.test('it waits for the first good line, explains bad ones, and says what is missing', async t => {
  const collector = await started(t)
  const { io, code } = ask(collector, 'fortinet-fortigate', '--wait')
  let out = ''
  const seen = (text: string) => until(text, () => (out += io.out()).includes(text), () => out) // biome-ignore format: short
  await seen('Know that')
  const socket = await connectTo(collector.port('in', 'syslog-tcp'))
  socket.write('<189>a line that nobody knows\n')
  await seen('A line that gave no record (unidentified)')
  t.match(out, /No parser knows this line/)
  socket.write(`${guide.sample}\n`)
  t.equal(await code, 0)
  out += io.out()
  t.match(out, 'The first good line: read by fortinet-fortigate for the source fw.')
  t.match(out, 'It works: 1 records for fw.')
  t.match(out, 'Senders of this receiver: 127.0.0.1.')
  t.match(out, /No record has url: .*web filter profile/)
  socket.destroy()
})

t.test('without a good line it fails and says what came instead, as JSON too', async t => {
  const collector = await started(t)
  const socket = await connectTo(collector.port('in', 'syslog-tcp'))
  const { io, code } = ask(collector, 'fortinet-fortigate', '--wait', '--timeout', '5s', '--json')
  await until('it asked', async () => (await collector.metrics()).length > 0)
  const timer = setInterval(() => socket.write('<189>a line that nobody knows\n'), 200)
  t.teardown(() => clearInterval(timer))
  t.equal(await code, 1)
  const [steps, seen] = io
    .out()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  t.match(steps, { id: 'fortinet-fortigate', target: { transport: 'syslog-tcp', receiver: 'in' }, steps: Array })
  t.match(seen, { ok: false, parsed: 0, rejected: [{ outcome: 'unidentified', verdict: String, text: /nobody knows/ }] })
  socket.destroy()
})

t.test('an unknown appliance, and a word that fits several, are usage errors', async t => {
  const io = memoryIo(testDir(t))
  t.equal(await runCommandLine(['guide', 'fortigat3'], io), 2)
  t.match(io.err(), /no guide/)
  t.equal(await runCommandLine(['guide', 'cisco'], io), 2)
  t.match(io.err(), /may be cisco-asa, cisco-ftd/)
  t.equal(await runCommandLine(['guide', 'asa', '--way', 'pigeon'], io), 2)
  t.match(io.err(), /it has syslog-tcp/)
  t.equal(await runCommandLine(['guide', '--json'], io), 0)
  t.match(JSON.parse(io.out().split('\n')[0]!), { id: String, firmware: String })
})

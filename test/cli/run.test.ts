import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { spawn } from '../child-kit.ts'
import { testDir } from '../test-dir.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')
const CONFIG = `
receivers: [{ type: syslog, listen: "127.0.0.1:0" }]
tenant: { local: { listen: "127.0.0.1:0" } }
admin: { listen: "127.0.0.1:0" }
lanes: 1
`

t.test('run says where it listens, takes a line, and stops on SIGTERM with every line accounted for', { timeout: 600_000 }, async t => {
  const cwd = testDir(t, { 'sluice.yaml': CONFIG })
  const child = spawn(process.execPath, [MAIN, 'run'], { cwd, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  const entries: Record<string, string>[] = []
  for await (const line of createInterface(child.stdout)) {
    entries.push(JSON.parse(line))
    if (entries.at(-1)!.msg!.startsWith('uploads:')) break
  }
  const messages = entries.map(({ msg }) => msg!)
  for (const beginning of [
    'listening: syslog-udp',
    'listening: syslog-tcp',
    'source: sluice',
    'page: http://127.0.0.1:',
    'metrics: http://'
  ])
    t.ok(
      messages.some(message => message.startsWith(beginning)),
      beginning
    )
  const { address } = entries.find(({ protocol, msg }) => protocol === 'syslog-tcp' && msg!.startsWith('listening:'))!
  const page = entries.find(({ msg }) => msg!.startsWith('page:'))!.url!

  const socket = connect(Number(address!.split(':')[1]), '127.0.0.1')
  socket.end('<13>this is no appliance\n')
  await once(socket, 'close')
  while (!/^sluice_source_received_frames_total\{source="sluice"\} 1$/m.test(await (await fetch(`${page}metrics`)).text()))
    await new Promise(resolve => setImmediate(resolve))

  const rest: Record<string, unknown>[] = []
  const reading = (async () => {
    for await (const line of createInterface(child.stdout)) rest.push(JSON.parse(line))
  })()
  child.kill('SIGTERM')
  t.same(await exit, [0, null])
  await reading
  t.match(rest.at(-1), {
    msg: 'stopped',
    frames: { received: 1, unidentified: 1, difference: 0 },
    records: { difference: 0 },
    delivery: { difference: 0 }
  })
})

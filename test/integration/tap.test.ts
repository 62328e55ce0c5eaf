/** `sluice tap` beside a running collector: each stage shows its side of the same line, live, and only while somebody watches. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { runCommandLine } from '../../src/cli/command-line.ts'
import type { TapSample } from '../../src/telemetry/tap.ts'
import { memoryIo } from '../cli/memory-io.ts'
import { testDir } from '../test-dir.ts'
import { connectTo, numberedLine, startCollector } from './collector-kit.ts'

t.setTimeout(600_000)

for (const lanes of [1, 2])
  t.test(`raw, parsed, rejected and uploaded, by source and with a limit (lanes: ${lanes})`, async t => {
    const collector = await startCollector(t, testDir(t), {
      receivers: [
        { name: 'in', protocols: ['tcp'] },
        { name: 'other', protocols: ['tcp'] }
      ],
      sources: [
        { name: 'fw', receiver: 'in' },
        { name: 'rest', receiver: 'other' }
      ],
      lanes
    })
    const [one, two] = [await connectTo(collector.port('in', 'syslog-tcp')), await connectTo(collector.port('other', 'syslog-tcp'))]
    let number = 0
    let going = true
    const sending = (async () => {
      while (going) {
        one.write(numberedLine(number++))
        one.write('<13>nobody reads this\n')
        two.write(numberedLine(number++))
        await sleep(20)
      }
    })()
    const watch = async (...args: string[]): Promise<TapSample[]> => {
      const io = memoryIo('/')
      t.equal(await runCommandLine(['tap', '--url', collector.adminUrl, '--json', '--limit', '5', ...args], io), 0, io.err())
      return io
        .out()
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as TapSample)
    }
    const raw = await watch('--stage', 'raw', '--source', 'fw')
    t.equal(raw.length, 5)
    t.ok(raw.every(({ source }) => source === 'fw'))
    t.ok(raw.some(({ raw }) => raw.includes('nobody')) && raw.some(({ raw }) => raw.startsWith('<189>date=')))
    const parsed = await watch('--stage', 'parsed', '--source', 'rest')
    t.match(parsed[0], { source: 'rest', outcome: 'parsed', parser: 'fortinet-fortigate', record: { srcIp: '10.0.0.7', dstPort: 443 } })
    const rejected = await watch('--stage', 'rejected', '--follow')
    t.ok(rejected.every(({ outcome, raw }) => outcome === 'unidentified' && raw === '<13>nobody reads this'))
    const uploaded = await watch('--stage', 'uploaded')
    t.ok(uploaded.every(({ line }) => line!.startsWith('CEF:0|')))
    const io = memoryIo('/')
    t.equal(await runCommandLine(['tap', '--url', collector.adminUrl, '--stage', 'uploaded', '--limit', '2'], io), 0)
    t.match(io.out(), /^20\S+Z (fw|rest) fortinet-fortigate: CEF:0\|/)
    going = false
    await sending
    for (const socket of [one, two]) socket.destroy()
    t.same(await collector.stop(), [0, null])
  })

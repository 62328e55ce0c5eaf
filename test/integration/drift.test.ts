/** A running collector whose appliances are updated: the new shape of their logs shows wherever somebody looks, and goes when it is mended. */
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { runCommandLine } from '../../src/cli/command-line.ts'
import type { PipelineStatus } from '../../src/telemetry/status.ts'
import { memoryIo } from '../cli/memory-io.ts'
import { testDir } from '../test-dir.ts'
import { connectTo, numberedLine, type RunningCollector, startCollector, write } from './collector-kit.ts'

t.setTimeout(600_000)

const GOOD_LINES = 2000
const BATCH_LINES = 250
/** The shape of a source is looked at every five seconds; its usual self is known after the second look. */
const TWO_LOOKS_MS = 13_000

/** A row of PAN-OS; `more` columns before the addresses are those of an update that shifts them. */
const row = (number: number, more = ''): string =>
  `<14>Jan 15 10:11:12 fw 1,2026/01/15 10:11:12,0011,TRAFFIC,end,2561,2026/01/15 10:11:12,${more}10.0.0.7,203.0.113.5,198.51.100.1,203.0.113.5,out,dom\\u${number},,ssl,vsys1,trust,untrust,ae1,ae2,log,2026/01/15 10:11:12,${number},1,50000,443,40000,443,0x0,tcp,allow,3000,1000,2000,20,2026/01/15 10:10:12,55,any\n`
const nameless = (number: number): string => numberedLine(number).replace(/ user="\w+"/, '')

/** What `sluice status` prints, and what the metrics and the page's JSON say of drift. */
async function seen(collector: RunningCollector) {
  const io = memoryIo('/')
  await runCommandLine(['status', '--url', collector.adminUrl], io)
  const metrics = await collector.metrics()
  const overview = (await (await fetch(`${collector.adminUrl}api/v1/overview`)).json()) as { status: PipelineStatus }
  return {
    screen: io.out(),
    standing: [...metrics.matchAll(/^sluice_source_drift\{(.*)\} 1$/gm)].map(([, labels]) => labels!).sort(),
    raised: [...metrics.matchAll(/^sluice_parser_schema_drift_total\{source="(\w+)"\} (\d+)$/gm)]
      .map(([, name, n]) => `${name} ${n}`)
      .sort(),
    page: overview.status.sources.map(({ name, drift }) => [name, drift.map(({ what }) => what)])
  }
}

t.test('an attribute that vanishes and columns that shift raise alarms, which go when the shape is as it was', async t => {
  const collector = await startCollector(t, testDir(t), {
    receivers: [
      { name: 'one', protocols: ['tcp'] },
      { name: 'two', protocols: ['tcp'] }
    ],
    sources: [
      { name: 'forti', receiver: 'one' },
      { name: 'palo', receiver: 'two' }
    ]
  })
  const [forti, palo] = [await connectTo(collector.port('one', 'syslog-tcp')), await connectTo(collector.port('two', 'syslog-tcp'))]
  let number = 0
  const send = (socket: Socket, line: (number: number) => string, lines: number): Promise<void> =>
    write(socket, Array.from({ length: lines }, () => line(number++)).join(''))
  const driftOf = ({ sources }: PipelineStatus): string[] =>
    sources.flatMap(({ name, drift }) => drift.map(({ what }) => `${name} ${what}`)).sort()
  /** Sends such lines until the alarms that stand are these. */
  const sendUntil = async (
    fortiLine: (number: number) => string,
    paloLine: (number: number) => string,
    alarms: string[]
  ): Promise<void> => {
    const endMs = Date.now() + 120_000
    for (;;) {
      await send(forti, fortiLine, BATCH_LINES)
      await send(palo, paloLine, BATCH_LINES)
      await sleep(500)
      const found = driftOf(await collector.status())
      if (found.join() === alarms.join()) return
      if (Date.now() > endMs) throw new Error(`Waited in vain for the alarms ${alarms.join(', ')}; there are ${found.join(', ')}`)
    }
  }

  await send(forti, numberedLine, GOOD_LINES)
  await send(palo, row, GOOD_LINES)
  await collector.statusUntil('the good lines are read', ({ sources }) => sources.every(({ frames }) => frames.parsed === GOOD_LINES))
  await sleep(TWO_LOOKS_MS)
  const before = await seen(collector)
  t.same([before.standing, before.raised], [[], ['forti 0', 'palo 0']], 'no alarm for good lines')
  t.notMatch(before.screen, /changed shape/)

  await sendUntil(nameless, number => row(number, 'new,'), ['forti user', 'palo rejected'])
  const during = await seen(collector)
  t.same(during.standing, ['source="forti",attribute="user"', 'source="palo",attribute="rejected"'])
  t.same(during.raised, ['forti 1', 'palo 1'])
  t.match(during.screen, /The log of forti changed shape.*\n.*records lack user \(usually in 100 %\)/)
  t.match(during.screen, /The log of palo changed shape.*\n.*\d+ % of its lines are rejected, usually 0 %/)
  t.same(during.page, [
    ['forti', ['user']],
    ['palo', ['rejected']]
  ])

  await sendUntil(numberedLine, row, [])
  const after = await seen(collector)
  t.same(after.standing, [])
  t.same(after.raised, ['forti 1', 'palo 1'], 'what was raised stays counted')
  t.notMatch(after.screen, /changed shape/)
  t.same(after.page, [
    ['forti', []],
    ['palo', []]
  ])
  for (const socket of [forti, palo]) socket.destroy()
  t.same(await collector.stop(), [0, null])
})

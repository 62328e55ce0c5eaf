/** Receivers by plan: what is the same stays, and what cannot be started is undone. */
import { createServer } from 'node:net'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { parseConfig } from '../../src/config/load.ts'
import type { Receiver } from '../../src/contracts.ts'
import { CollectorError } from '../../src/errors.ts'
import { ReceiverSet, type ReceiverTarget } from '../../src/pipeline/receiver-set.ts'
import { planReceivers, type ReceiverPlan } from '../../src/pipeline/receivers.ts'
import { createLogger } from '../../src/telemetry/logger.ts'

const log = createLogger({ destination: new PassThrough() })

/** A plan whose receivers write down what happens to them. */
function plan(print: string, events: string[], fails = false): ReceiverPlan {
  const [name] = print.split('/') as [string]
  const create = async (): Promise<Receiver> => ({
    name,
    async start() {
      if (fails) throw new CollectorError('LISTEN_FAILED', `Cannot start ${print}`)
      events.push(`start ${print}`)
    },
    async stop() {
      events.push(`stop ${print}`)
    },
    status: () => [{ name, protocol: 'x', address: print, state: 'listening', connections: 0, counters: { connections_total: 1 } }]
  })
  return { print, listeners: [], create }
}

const NOBODY: ReceiverTarget = {
  open: () => t.fail('nobody opens an intake') as never,
  takeBlock: () => t.fail('nobody hands a block over') as never
}

async function running(...prints: string[]) {
  const events: string[] = []
  const set = new ReceiverSet(NOBODY, log)
  await set.start(prints.map(print => plan(print, events)))
  events.length = 0
  return { set, events, addresses: () => set.status().map(({ address }) => address) }
}

t.test('what is the same stays; what is changed is stopped before its new self starts; sums go on', async t => {
  const { set, events, addresses } = await running('a/1', 'b/1', 'c/1')
  const change = set.change([plan('a/1', events), plan('b/2', events), plan('d/1', events)])
  t.equal(change.isEmpty, false)
  await change.probe()
  await change.stopOld()
  await change.startNew()
  t.same(events, ['stop b/1', 'stop c/1', 'start b/2', 'start d/1'])
  t.same(addresses(), ['a/1', 'b/2', 'd/1'])
  t.same(
    set.status().map(({ counters }) => counters.connections_total),
    [1, 2, 1]
  )
  t.equal(set.change([plan('a/1', events), plan('b/2', events), plan('d/1', events)]).isEmpty, true)
})

t.test('when one cannot be started, those before it are stopped and the old ones are back', async t => {
  const { set, events, addresses } = await running('a/1', 'b/1')
  const change = set.change([plan('a/1', events), plan('b/2', events), plan('c/1', events, true)])
  await change.stopOld()
  await t.rejects(change.startNew(), { code: 'LISTEN_FAILED' })
  await change.undo()
  t.same(events.slice(0, 2), ['stop b/1', 'start b/2'])
  t.same(events.slice(2).sort(), ['start b/1', 'stop b/2', 'stop c/1'])
  t.same(addresses(), ['a/1', 'b/1'])
})

t.test('an address that another program holds is found before anything is stopped', async t => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const { set } = await running('a/1')
  const taken: ReceiverPlan = { ...plan('b/1', []), listeners: [{ transport: 'tcp', listen: `127.0.0.1:${port}` }] }
  await t.rejects(set.change([taken]).probe(), { code: 'LISTEN_FAILED', message: /EADDRINUSE/ })
  const mine = new ReceiverSet(NOBODY, log)
  await mine.start([taken])
  await mine.change([{ ...taken, print: 'b/2' }]).probe()
})

t.test('a print changes by what concerns the receiver, and by nothing else', async t => {
  const printsOf = (text: string, sources: string[] = ['one']): string[] => {
    const { receivers } = parseConfig(text, { env: {}, cwd: '/', file: 'x' }).config
    return planReceivers(receivers, { log, isFull: () => false, sources }).map(({ print }) => print)
  }
  const [udp, tcp] = printsOf('receivers: [{ type: syslog }]') as [string, string]
  t.same(printsOf('receivers: [{ type: syslog, max_connections: 5 }]')[0], udp, 'UDP has no connections')
  t.not(printsOf('receivers: [{ type: syslog, max_connections: 5 }]')[1], tcp)
  t.not(printsOf('receivers: [{ type: syslog, receive_buffer: 1MiB }]')[0], udp)
  t.same(printsOf('receivers: [{ type: syslog, receive_buffer: 1MiB }]')[1], tcp)
  const push = 'receivers: [{ type: http-push, anonymous: true }]'
  t.same(printsOf(push, ['one', 'two']), printsOf(push))
  const drop = 'receivers: [{ type: file-drop, folder: /drop }]'
  t.not(printsOf(drop, ['one', 'two'])[0], printsOf(drop)[0], 'a folder per source')
})

/**
 * Reloads of a real collector while lines flow: sources and receivers come, change and go, every line is counted, and a connection
 * of a receiver that did not change never notices.
 */
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { RelpSender } from '../fault/senders.ts'
import { testDir } from '../test-dir.ts'
import {
  configText,
  connectTo,
  finish,
  linesOf,
  numberedLine,
  numbersOf,
  type RunningCollector,
  type Setup,
  startCollector,
  until,
  write
} from './collector-kit.ts'

const LONG = { timeout: 600_000 }
t.setTimeout(600_000)

type Receivers = Setup['receivers']
type Sources = Setup['sources']

const RECEIVERS: Receivers = [
  { name: 'steady', protocols: ['tcp'] },
  { name: 'columns', protocols: ['tcp'] },
  { type: 'relp', name: 'moving' }
]
const SOURCES: Sources = [
  { name: 'fw', receiver: 'steady' },
  { name: 'web', receiver: 'columns' },
  { name: 'relay', receiver: 'moving' }
]
const EXTRA = { receiver: { name: 'extra', protocols: ['tcp' as const] }, source: { name: 'extra', receiver: 'extra' } }

const W3C_HEAD = '#Software: Example Proxy 1.0\n#Fields: date time c-ip cs-username cs-method cs-uri sc-status sc-bytes cs-bytes\n'
const w3cRow = (number: number): string => `2026-01-05 09:15:30 192.0.2.11 u${number} GET http://www.example.org/a 200 512 100\n`

/** One connection that sends numbered lines until told to end, and remembers whether it was closed on it. */
async function stream(port: number, head: string, line: (number: number) => string) {
  const socket = await connectTo(port)
  let [sent, going, wasClosed] = [0, true, false]
  socket.resume().on('end', () => (wasClosed = going))
  await write(socket, head)
  const running = (async () => {
    while (going) {
      await write(socket, Array.from({ length: 100 }, (_, index) => line(sent + index)).join(''))
      sent += 100
      await sleep(20)
    }
    await finish(socket)
  })()
  return {
    async end() {
      going = false
      await running
      return { sent, wasClosed }
    }
  }
}

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

function eachOnce(t: Test, got: readonly number[], count: number, what: string): void {
  const seen = new Set(got)
  t.equal(got.length, count, `${what}: as many as sent`)
  const missing = range(count).filter(number => !seen.has(number))
  t.same(missing.slice(0, 10), [], `${what}: none is missing`)
}

async function reloaded(collector: RunningCollector, change: () => unknown, message = 'configuration reloaded'): Promise<void> {
  const count = () => collector.log.filter(({ msg }) => msg === message).length
  const before = count()
  await change()
  await until(message, () => count() > before)
}

for (const lanes of [1, 2]) {
  t.test(`sources and receivers come, change and go under load, and no line is lost (lanes: ${lanes})`, LONG, async t => {
    const cwd = testDir(t)
    const file = join(cwd, 'sluice.yaml')
    const text = (receivers: Receivers, sources: Sources) => configText({ receivers, sources, lanes }, cwd)
    const collector = await startCollector(t, cwd, { receivers: RECEIVERS, sources: SOURCES, lanes })
    const steady = await stream(collector.port('steady', 'syslog-tcp'), '', numberedLine)
    const columns = await stream(collector.port('columns', 'syslog-tcp'), W3C_HEAD, w3cRow)
    const relay = new RelpSender(() => ({ port: collector.port('moving', 'relp'), life: 0 }), 10)
    relay.start()

    await t.test('SIGHUP: a receiver and its source are added', async t => {
      writeFileSync(file, text([...RECEIVERS, EXTRA.receiver], [EXTRA.source, ...SOURCES]))
      await reloaded(collector, () => collector.child.kill('SIGHUP'))
      const extra = await stream(collector.port('extra', 'syslog-tcp'), '', numberedLine)
      await sleep(200)
      const { sent } = await extra.end()
      await until('its lines are uploaded', () => numbersOf(collector.files('extra')).length >= sent)
      eachOnce(t, numbersOf(collector.files('extra')), sent, 'extra')
    })
    const moved = RECEIVERS.map(receiver => (receiver.name === 'moving' ? { ...receiver, max_connections: 7 } : receiver))
    await t.test('POST /api/v1/reload: a receiver is changed, and it alone starts anew', async t => {
      writeFileSync(file, text([...moved, EXTRA.receiver], [EXTRA.source, ...SOURCES]))
      const before = collector.log.length
      const answer = await fetch(`${collector.adminUrl}api/v1/reload`, { method: 'POST' })
      t.match(await answer.json(), { ok: true, messages: [] })
      await until('the log says so', () => collector.log.slice(before).some(({ msg }) => msg === 'configuration reloaded'))
      const said = collector.log.slice(before).filter(({ msg }) => msg.includes('listening'))
      t.same(
        said.map(({ receiver, msg }) => `${receiver} ${msg.replace(/ on .*/, '')}`),
        ['moving no longer listening: relp', 'moving listening: relp']
      )
    })
    await t.test('the file is written: another source takes over an open connection', async t => {
      const before = (await collector.status()).config.lastReloadMs
      const sources = SOURCES.map(source => (source.name === 'fw' ? { ...source, name: 'renamed' } : source))
      await reloaded(collector, () => writeFileSync(file, text([...moved, EXTRA.receiver], [EXTRA.source, ...sources])))
      t.ok((await collector.status()).config.lastReloadMs > before)
      await until('lines go to it', () => numbersOf(collector.files('renamed')).length > 0)
    })
    await t.test('a symbolic link is swapped, as for a ConfigMap: the receiver and its source are gone', async t => {
      const versions = [text([...moved, EXTRA.receiver], [EXTRA.source, ...SOURCES]), text(moved, SOURCES)]
      versions.forEach((version, index) => {
        mkdirSync(join(cwd, `..v${index}`))
        writeFileSync(join(cwd, `..v${index}`, 'sluice.yaml'), version)
      })
      const point = (version: number): void => {
        symlinkSync(`..v${version}`, join(cwd, '..next'))
        renameSync(join(cwd, '..next'), join(cwd, '..data'))
      }
      point(0)
      symlinkSync('..data/sluice.yaml', `${file}.new`)
      await reloaded(collector, () => renameSync(`${file}.new`, file))
      const port = collector.port('extra', 'syslog-tcp')
      await reloaded(collector, () => point(1))
      await t.rejects(connectTo(port), { code: 'ECONNREFUSED' })
      t.notOk((await collector.status()).receivers.some(({ name }) => name === 'extra'))
    })
    await t.test('a bad file, and a port that another program has, leave all as it was and are shown', async t => {
      const refused = 'configuration not reloaded; the old one goes on'
      const other = createServer().listen(0, '127.0.0.1')
      t.teardown(() => other.close())
      await until('it listens', () => other.listening)
      const { port } = other.address() as { port: number }
      const taken = { type: 'relp', name: 'taken', listen: `127.0.0.1:${port}` }
      for (const [bad, why] of [
        ['receivers: [{ type: telex }]', /must be one of|telex/],
        [text([...RECEIVERS, taken], SOURCES), /EADDRINUSE/]
      ] as const) {
        renameSync(join(cwd, '..v1'), join(cwd, `..old-${port}-${bad.length}`))
        mkdirSync(join(cwd, '..v1'))
        await reloaded(collector, () => writeFileSync(join(cwd, '..v1', 'sluice.yaml'), bad), refused)
        const status = await collector.status()
        t.match(status, { state: 'degraded', config: { lastReloadSucceeded: false, messages: [why] } })
        t.match(status.reasons.join('\n'), why)
        t.match(await collector.metrics(), /^sluice_config_last_reload_successful 0$/m)
      }
      t.same(
        (await collector.status()).receivers.map(({ name, state }) => `${name} ${state}`),
        ['steady listening', 'columns listening', 'moving listening']
      )
      await reloaded(collector, () => writeFileSync(join(cwd, '..v1', 'sluice.yaml'), text(moved, SOURCES)))
      t.match(await collector.status(), { state: 'healthy', config: { lastReloadSucceeded: true } })
      t.match(await collector.metrics(), /^sluice_config_last_reload_successful 1$/m)
    })

    const [fw, web] = [await steady.end(), await columns.end()]
    await relay.stop()
    const { balance, receivers } = await collector.statusUntil(
      'everything is uploaded',
      ({ balance }) => balance.frames.inFlight === 0 && balance.delivery.spooled === 0 && balance.balanced
    )
    t.ok(balance.balanced, 'balanced')
    eachOnce(t, numbersOf([...collector.files('fw'), ...collector.files('renamed')]), fw.sent, 'steady')
    t.equal(fw.wasClosed, false)
    eachOnce(t, numbersOf(collector.files('web')), web.sent, 'rows whose head came once, before all reloads')
    t.equal(web.wasClosed, false)
    t.match(
      receivers.filter(({ name }) => name !== 'moving').map(({ counters }) => counters.connections_total),
      [1, 1],
      'one connection each'
    )
    const got = new Set(numbersOf(collector.files('relay')))
    t.same(
      relay.memory.receipted.flatMap((is, number) => (is && got.has(number) ? [] : [number])),
      [],
      'all that RELP sent got a receipt and is there, although its receiver was replaced'
    )
    t.equal(linesOf(collector.files('sluice')).length, 0)
    t.same(await collector.stop(), [0, null])
  })
}

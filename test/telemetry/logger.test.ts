import { PassThrough } from 'node:stream'
import t from 'tap'
import { CollectorError } from '../../src/errors.ts'
import { LogRing } from '../../src/telemetry/log-ring.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { RepeatLimiter } from '../../src/telemetry/repeat-limiter.ts'
import { until } from '../integration/collector-kit.ts'

function capture(): { destination: PassThrough; lines(): string[] } {
  const destination = new PassThrough()
  return { destination, lines: () => (destination.read()?.toString() ?? '').trim().split('\n') }
}

t.test('away from a terminal the log is JSON, and secrets do not get there', async t => {
  const { destination, lines } = capture()
  const log = createLogger({ destination })
  log.info({ token: 'hidden', auth: { client_secret: 'hidden' }, request: { headers: { authorization: 'hidden' } }, name: 'x' }, 'hello')
  log.debug('left out')
  const [line, ...more] = lines()
  t.same(more, [])
  t.notMatch(line, /hidden/)
  t.match(JSON.parse(line!), { level: 'info', msg: 'hello', name: 'x', token: '(redacted)' })
})

t.test('the level can be changed while running', async t => {
  const { destination, lines } = capture()
  const log = createLogger({ destination, level: 'warn' })
  log.info('left out')
  log.level = 'debug'
  log.debug('written')
  t.match(lines(), [/written/])
})

t.test('pretty lines are for people', async t => {
  const { destination, lines } = capture()
  createLogger({ destination, format: 'pretty' }).warn({ code: 'SPOOL_FULL' }, 'careful')
  t.match(lines(), [/WARN.*careful.*SPOOL_FULL/])
})

t.test('a failure of the world is a sentence with its cause, and only a mistake in the code has a stack', async t => {
  const failure = new CollectorError('SPOOL_FULL', 'Cannot keep it', { cause: new Error('no \u001b[2J space') })
  const json = capture()
  const log = createLogger({ destination: json.destination })
  log.warn({ err: failure }, 'not taken')
  log.warn({ err: Object.assign(new Error('cut'), { code: 'ECONNRESET', secret: 'hidden' }) }, 'cut')
  log.warn({ err: new TypeError('oops') }, 'mistake')
  log.warn({ err: new Error('what is this') }, 'not foreseen')
  t.same(
    json.lines().map(line => {
      const { stack, ...err } = JSON.parse(line).err
      return { ...err, hasStack: stack !== undefined }
    }),
    [
      { type: 'CollectorError', message: 'Cannot keep it: no \u001b[2J space', code: 'SPOOL_FULL', hasStack: false },
      { type: 'Error', message: 'cut', code: 'ECONNRESET', hasStack: false },
      { type: 'TypeError', message: 'oops', hasStack: true },
      { type: 'Error', message: 'what is this', hasStack: true }
    ]
  )
  const pretty = capture()
  createLogger({ destination: pretty.destination, format: 'pretty' }).warn({ err: failure, peer: 'x' }, 'not taken')
  t.match(pretty.lines(), [/WARN.*not taken.*"peer":"x"/, /^ *err: Cannot keep it: no \\x1b\[2J space \(SPOOL_FULL\)$/])
})

t.test('a warning that repeats is written once per interval, and how often it came is told at its end', async t => {
  const { destination, lines } = capture()
  const log = createLogger({ destination, repeats: { intervalMs: 100 } })
  const child = log.child({ part: 'receiver' })
  for (let peer = 0; peer < 5; peer++) child.warn({ peer, receiver: 'in' }, 'again')
  child.warn({ receiver: 'other' }, 'again')
  log.error({ receiver: 'in' }, 'again')
  for (let i = 0; i < 3; i++) log.info('an info is no repeat')
  const read = () => lines().map(line => JSON.parse(line))
  t.match(read(), [
    { level: 'warn', peer: 0, receiver: 'in', repeated: undefined },
    { level: 'warn', receiver: 'other' },
    { level: 'error' },
    ...Array.from({ length: 3 }, () => ({ level: 'info' }))
  ])
  let said: { repeated?: number }[] = []
  await until('the count is told', () => (said = [...said, ...lines().filter(line => line !== '').map(line => JSON.parse(line))]).length > 0) // biome-ignore format: short
  t.match(said, [{ level: 'warn', msg: 'again', receiver: 'in', repeated: 4 }])
})

t.test('messages are forgotten, the oldest first, when there are too many different ones', async t => {
  const limiter = new RepeatLimiter({ maxKeys: 2 })
  const admitted = ['a', 'b', 'a', 'c', 'a', 'c'].map(key => limiter.admit(key, () => undefined))
  t.same(admitted, [true, true, false, true, true, false])
})

t.test('the last lines are kept in memory, bounded, as they are written', async t => {
  const { destination } = capture()
  const ring = new LogRing()
  const log = createLogger({ destination, ring })
  log.info({ token: 'hidden' }, 'first')
  for (let i = 0; i < 1200; i++) log.info(`line ${i}`)
  const kept = ring.text().trim().split('\n')
  t.equal(kept.length, 1000)
  t.match(JSON.parse(kept.at(-1)!), { msg: 'line 1199' })
  log.info('x'.repeat(2_000_000))
  t.equal(ring.text(), '', 'a line that is too long for it is left out')
  log.info({ token: 'hidden' }, 'last')
  t.match(ring.text(), /"token":"\(redacted\)"/)
})

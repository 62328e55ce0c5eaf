import { PassThrough } from 'node:stream'
import t from 'tap'
import { createLogger, RepeatLimiter } from '../../src/telemetry/logger.ts'

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

t.test('a message that repeats is written once per interval, with the number left out', async t => {
  const { destination, lines } = capture()
  let now = 0
  const limiter = new RepeatLimiter(createLogger({ destination }), { intervalMs: 1000, maxKeys: 2, now: () => now })
  for (let i = 0; i < 5; i++) limiter.write('warn', 'a', { peer: i }, 'again')
  now = 1000
  limiter.write('warn', 'a', {}, 'again')
  t.match(
    lines().map(line => JSON.parse(line)),
    [{ peer: 0 }, { repeated: 4 }]
  )
  for (const key of ['b', 'c', 'd', 'a']) limiter.write('error', key, {}, key)
  t.equal(lines().length, 4, 'forgotten keys are written again, and no more than two are kept')
})

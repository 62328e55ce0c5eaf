/**
 * Appliances that only write and then close lose lines to a TLS 1.3 server that sends session tickets. However the collector is
 * started, it sends none.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { sendOneWay, TestAuthority } from '../receivers/tls-kit.ts'
import { testDir } from '../test-dir.ts'
import { numberedLine, numbersOf, type RunningCollector, startCollector, until } from './collector-kit.ts'

const ROOT = join(import.meta.dirname, '../..')
const MAIN = join(ROOT, 'src/main.ts')
const LINES = 8000
const LONG = { timeout: 600_000 }

t.setTimeout(600_000)

const { cert, key } = new TestAuthority().issue('collector.example.com')
const numbers = Array.from({ length: LINES }, (_, index) => index)

async function started(t: Test, ...command: [string, ...string[]]): Promise<RunningCollector> {
  const receivers = [{ type: 'syslog-tls', name: 'tls', tls: { cert_file: cert, key_file: key } }]
  return startCollector(t, testDir(t), { receivers, sources: [{ name: 'tls' }] }, command)
}

const saysTickets = ({ log }: RunningCollector): boolean => log.some(({ msg }) => msg.includes('sends TLS 1.3 session tickets'))

const STARTS: Record<string, [string, ...string[]]> = {
  'npm start': ['npm', '--silent', '--prefix', ROOT, 'start', '--'],
  'npm run sluice': ['npm', '--silent', '--prefix', ROOT, 'run', 'sluice', '--', 'run'],
  'node src/main.ts run': [process.execPath, MAIN, 'run']
}

for (const [how, command] of Object.entries(STARTS))
  t.test(`${how}: a sender that never reads loses nothing`, LONG, async t => {
    const collector = await started(t, ...command)
    t.notOk(saysTickets(collector))
    await sendOneWay(collector.port('tls', 'syslog-tls'), Buffer.from(numbers.map(numberedLine).join('')))
    await until(
      'every line is with the tenant',
      () => numbersOf(collector.files('tls')).length >= LINES,
      () => `but it has ${numbersOf(collector.files('tls')).length}`
    )
    t.same(
      numbersOf(collector.files('tls')).sort((a, b) => a - b),
      numbers
    )
  })

t.test('with settings of its own, which send tickets, the collector warns', LONG, async t => {
  const settings = join(testDir(t), 'empty.cnf')
  writeFileSync(settings, '')
  const receivers = [{ type: 'syslog-tls', name: 'tls', tls: { cert_file: cert, key_file: key } }]
  const command = ['env', `OPENSSL_CONF=${settings}`, process.execPath, MAIN, 'run'] as const
  const collector = await startCollector(t, t.testdirName, { receivers, sources: [{ name: 'tls' }] }, command)
  t.ok(saysTickets(collector))
  t.same(await collector.stop(), [0, null])
})

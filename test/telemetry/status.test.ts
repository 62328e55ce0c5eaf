import t from 'tap'
import { balanceOf } from '../../src/telemetry/balance.ts'
import { healthOf, readinessOf } from '../../src/telemetry/readiness.ts'
import { sampleStatus } from './sample-status.ts'

t.test('a status survives JSON unchanged', async t => {
  const status = sampleStatus()
  t.same(JSON.parse(JSON.stringify(status)), status)
})

t.test('the balance is even when all is counted, and names the border where something is missing', async t => {
  const { sources, blocks } = sampleStatus()
  t.match(balanceOf(sources, blocks, 110, 0), {
    balanced: true,
    frames: { difference: 0 },
    records: { difference: 0 },
    delivery: { difference: 0 }
  })
  t.match(balanceOf(sources, blocks, 111, 0), { balanced: false, frames: { difference: 1 } })
  sources[0]!.records.written -= 2
  t.match(balanceOf(sources, blocks, 110, 0), {
    balanced: false,
    frames: { difference: 0 },
    records: { difference: 2 },
    delivery: { difference: -2 }
  })
})

t.test('health is about lanes only', async t => {
  const status = sampleStatus({ state: 'degraded' })
  t.equal(healthOf(status).ok, true)
  status.lanes[0]!.alive = false
  t.match(healthOf(status), { ok: false, checks: [{ name: 'lane 0', ok: false, detail: /does not answer/ }] })
})

t.test('readiness says which check fails; a failing upload never makes it unready', async t => {
  const status = sampleStatus()
  status.upload.failing = true
  t.equal(readinessOf(status).ok, true, 'a paused receiver is bound as well')
  status.spool.full = true
  t.same(
    readinessOf(status)
      .checks.filter(({ ok }) => !ok)
      .map(({ name }) => name),
    ['spool below high water']
  )
  status.spool.writable = false
  status.receivers[0]!.state = 'failed'
  status.receivers[0]!.reason = 'in use'
  const failing = readinessOf(status).checks.filter(({ ok }) => !ok)
  t.match(failing, [
    { name: 'receiver syslog syslog-udp', detail: /failed: in use/ },
    { name: 'spool writable' },
    { name: 'spool below high water' }
  ])
})

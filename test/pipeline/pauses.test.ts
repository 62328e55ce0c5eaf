/** What the status says of a receiver that holds senders back: the pipeline knows for what there is no room. */
import t from 'tap'
import { PAUSE_REASONS, type ReceiverStatus } from '../../src/contracts.ts'
import { pausedReceiver } from '../../src/pipeline/status.ts'
import { stateOf } from '../../src/receivers/receiver-state.ts'

const receiver = (holds: Parameters<typeof stateOf>[2], protocol = 'relp', reason?: string): ReceiverStatus => ({
  name: 'a',
  protocol,
  address: '127.0.0.1:1',
  connections: 0,
  counters: {},
  ...stateOf('listening', reason, holds)
})
const NO_PAUSE = { pause: undefined, lastPause: 'lanes_busy' } as const
const FULL = { pause: 'spool_full', lastPause: 'spool_full' } as const

t.test('senders that wait for room wait for the spool or for the lanes', async t => {
  const waiting = { waiting: { count: 2, of: 'connections' } }
  t.match(pausedReceiver(receiver(waiting), FULL), {
    state: 'paused',
    pauses: ['spool_full'],
    reason: 'spool full: 2 connections wait for room'
  })
  const behind = pausedReceiver(receiver(waiting), NO_PAUSE)
  t.match(
    behind,
    { state: 'paused', pauses: ['lanes_busy'], reason: 'lanes busy: 2 connections wait for room' },
    'what they waited for last'
  )
})

t.test('a receiver that nothing came to is paused as well, but UDP and what does not run are not', async t => {
  t.match(pausedReceiver(receiver({}), FULL), { state: 'paused', pauses: ['spool_full'], reason: 'spool full' })
  t.strictSame(pausedReceiver(receiver({}, 'syslog-udp'), FULL).state, 'listening')
  const failed: ReceiverStatus = { ...receiver({}), state: 'failed', reason: 'no such address' }
  t.strictSame(pausedReceiver(failed, FULL), failed)
})

t.test('limits and failing servers are shown beside the state', async t => {
  t.match(pausedReceiver(receiver({ limited: 1, isOutOfConnections: true }), NO_PAUSE), {
    state: 'listening',
    reason: 'rate limit, connection limit',
    pauses: ['rate_limit', 'connection_limit']
  })
  t.match(pausedReceiver(receiver({ isFailing: true }, 's3', 'the server answers 500'), NO_PAUSE), {
    state: 'listening',
    reason: 'the server answers 500',
    pauses: ['upstream_error']
  })
  const both = pausedReceiver(receiver({ isFull: true, isFailing: true }, 's3', 'the server answers 500'), FULL)
  t.match(both, { state: 'paused', reason: 'spool full, upstream error', pauses: ['spool_full', 'upstream_error'] })
})

t.test('every word of the list is one that some receiver says', async t => {
  const all = receiver({ isFull: true, uncommitted: 1, limited: 1, isOutOfConnections: true, isOutOfRequests: true, isFailing: true })
  t.strictSame(
    [...pausedReceiver(all, FULL).pauses!].sort(),
    PAUSE_REASONS.filter(one => one !== 'lanes_busy').sort(),
    'the lanes are what the pipeline adds'
  )
})

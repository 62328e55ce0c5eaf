import t from 'tap'
import { judgePhase, type PhaseMemory } from '../../src/process/phases.ts'
import { PHASE_END, PHASE_INTERIM, PHASE_START, PHASE_WHOLE } from '../../src/record.ts'
import { filled } from '../record-kit.ts'

/** Verdicts on lines of these phases, in order, of one intake. */
function judged(phases: number[], memory: PhaseMemory = { hasEnds: false }): string[] {
  return phases.map(phase => {
    const record = filled({ time: 1, srcIp: '192.0.2.1', dstIp: '203.0.113.1' })
    record.phase = phase
    return judgePhase(record, memory)
  })
}

t.test('a line that is alone for its connection stays, whatever came before', async t => {
  t.same(judged([PHASE_WHOLE, PHASE_END, PHASE_WHOLE]), ['', '', ''])
})

t.test('starts count while an intake has shown no end', async t => {
  t.same(judged([PHASE_START, PHASE_WHOLE, PHASE_START]), ['', '', ''])
})

t.test('from the first end on, ends count and starts do not', async t => {
  t.same(judged([PHASE_START, PHASE_END, PHASE_START, PHASE_END]), ['', '', 'connection_start', ''])
})

t.test('a line with running totals never counts, and shows no end', async t => {
  t.same(judged([PHASE_INTERIM, PHASE_START, PHASE_INTERIM]), ['interim', '', 'interim'])
  t.same(judged([PHASE_END, PHASE_INTERIM]), ['', 'interim'])
})

t.test('what one intake showed says nothing about another', async t => {
  const memory = { hasEnds: false }
  judged([PHASE_END], memory)
  t.same(judged([PHASE_START], memory), ['connection_start'])
  t.same(judged([PHASE_START]), [''])
})

t.test('a record starts as a whole one', async t => {
  const record = filled({})
  record.phase = PHASE_END
  record.reset(record.buf, 0, 0)
  t.equal(record.phase, PHASE_WHOLE)
})

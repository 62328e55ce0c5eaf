import t from 'tap'
import { ambiguousFinalises, type LedgerLine, ledgerLine, parseLedger, type StepLine } from '../../src/spool/ledger.ts'
import fc from '../property-kit.ts'

const header: LedgerLine = { t: 'segment', v: 1, source: 'HQ\n"Ü"', format: 'cef', createdMs: 1 }
const block: LedgerLine = { t: 'block', offset: 10, length: 5, rawLength: 9, crc32: 7, recordCount: 2, firstTime: 1, lastTime: null }
const step = (name: StepLine['step']): StepLine => ({ t: 'step', step: name, atMs: 5 })
const whole = Buffer.concat([header, block, step('issued')].map(ledgerLine))

t.test('what was written is read again', async t => {
  const ledger = parseLedger(whole)
  t.same([ledger.header, ...ledger.pieces, ...ledger.steps], [header, block, step('issued')])
  t.equal(ledger.size, whole.length)
  t.equal(ledger.damagedLines, 0)
})

t.test('a torn last line is ignored, at whatever byte it was torn', async t => {
  const last = ledgerLine(step('issued')).length
  for (let cut = 1; cut <= last; cut++) {
    const ledger = parseLedger(whole.subarray(0, whole.length - cut))
    t.same([ledger.size, ledger.pieces.length, ledger.steps.length], [whole.length - last, 1, 0], `cut ${cut}`)
  }
})

t.test('a flipped byte costs at most the lines it touches, never more', async t => {
  for (let at = 0; at < whole.length; at++) {
    const bytes = Buffer.from(whole)
    bytes[at]! ^= 0x20
    const { header, pieces, steps } = parseLedger(bytes)
    const left = (header === undefined ? 0 : 1) + pieces.length + steps.length
    if (left !== 2 && left !== 1) t.fail(`byte ${at}: ${left} lines left`)
  }
  t.pass('every byte was tried')
})

t.test('any bytes are read without an error', async t => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), bytes => parseLedger(Buffer.from(bytes)).pieces.length === 0))
  const forged = [null, 5, 'text', [], { t: 'block', offset: -1 }, { t: 'segment', source: 5 }, { t: 'step', step: 1 }, { t: 'other' }]
  for (const line of forged) t.equal(parseLedger(ledgerLine(line as never)).damagedLines, 1, JSON.stringify(line))
})

t.test('a finalise counts as ambiguous until the service has answered it', async t => {
  const count = (...names: StepLine['step'][]): number => ambiguousFinalises(names.map(step))
  t.equal(count('issued', 'stored'), 0)
  t.equal(count('issued', 'stored', 'finalising'), 1)
  t.equal(count('stored', 'finalising', 'done'), 0)
  t.equal(count('stored', 'finalising', 'stored', 'finalising', 'done'), 0)
  t.equal(count('stored', 'finalising', 'finalising', 'closed', 'issued', 'stored', 'finalising', 'done'), 2)
})

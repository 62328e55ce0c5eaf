import t, { type Test } from 'tap'
import { ArchiveBook } from '../../src/pipeline/archive-totals.ts'
import type { ArchiveTotals } from '../../src/telemetry/archive-status.ts'

const NONE: ArchiveTotals = { taken: 0, recovered: 0, uploaded: 0, waiting: 0, setAside: 0, removed: 0, shed: 0 }
/** What a thread says; what it does not count elsewhere waits. */
function said(counts: Partial<ArchiveTotals>) {
  const { taken, recovered, uploaded, setAside, removed, shed } = { ...NONE, ...counts }
  return [{ name: 'a', ...NONE, ...counts, waiting: taken + recovered - uploaded - setAside - removed - shed }]
}

/** Every record is in one count, and none is negative. */
function balanced(t: Test, book: ArchiveBook): ArchiveTotals {
  const { name: _, ...totals } = book.totals()[0]!
  const { taken, recovered, uploaded, waiting, setAside, removed, shed } = totals
  t.equal(taken + recovered, uploaded + waiting + setAside + removed + shed)
  t.ok(Object.values(totals).every(count => count >= 0))
  return totals
}

t.test('what an earlier process left counts once, and what is shed here never reaches the thread', async t => {
  const book = new ArchiveBook()
  book.sent('a', 10)
  book.said(said({ recovered: 7, setAside: 2 }))
  book.shed('a', 5)
  book.said(said({ taken: 10, recovered: 7, setAside: 2, uploaded: 4, shed: 1 }))
  t.same(balanced(t, book), { taken: 15, recovered: 7, uploaded: 4, waiting: 10, setAside: 2, removed: 0, shed: 6 })
})

t.test('a thread that ends: what it made durable goes on, what was on the way is shed', async t => {
  const book = new ArchiveBook()
  book.said(said({ recovered: 3 }))
  book.sent('a', 100)
  book.said(said({ taken: 80, recovered: 3, uploaded: 20, setAside: 1, shed: 2 }))
  book.ended()
  t.match(balanced(t, book), { waiting: 80, setAside: 1, uploaded: 20, shed: 2 }, 'nobody knows yet')
  book.sent('a', 6) // to the next thread, which has not spoken yet
  // 80 were waiting or on their way; the next thread finds 60 of them, and the one set aside.
  book.said(said({ recovered: 61, setAside: 1 }))
  t.same(balanced(t, book), { taken: 106, recovered: 3, uploaded: 20, waiting: 66, setAside: 1, removed: 0, shed: 22 })
  book.said(said({ taken: 6, recovered: 61, setAside: 1, uploaded: 66 }))
  t.match(balanced(t, book), { uploaded: 86, waiting: 0 })
})

t.test('a thread that never opens its spool loses what was sent to it', async t => {
  const book = new ArchiveBook()
  book.sent('a', 4)
  book.ended()
  t.match(balanced(t, book), { shed: 4, waiting: 0 })
  book.sent('a', 1)
  book.said(said({ recovered: 9 }))
  t.match(balanced(t, book), { recovered: 9, waiting: 10 })
  book.ended()
  book.ended()
  book.said(said({ recovered: 12 }))
  t.match(balanced(t, book), { recovered: 11, waiting: 12 }, 'more than expected: its last word was not heard')
})

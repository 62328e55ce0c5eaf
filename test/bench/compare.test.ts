import t from 'tap'
import { comparisonsOf, describe, figuresOf, type Kept } from '../../bench/compare.ts'

const run = (linesPerSecond: number, lost: number, peakMegabytes: number) => ({
  machine: { cores: 2 },
  tcp: [{ name: 'Sluice', linesPerSecond, peakMegabytes }],
  udp: [
    { name: 'Sluice', buffer: 'default', rate: 1000, lost: 0 },
    { name: 'Sluice', buffer: 'default', rate: 2000, lost }
  ],
  formats: [{ load: 'cef', sluice: { name: 'Sluice', linesPerSecond }, rsyslog: { name: 'rsyslog', linesPerSecond: 5 } }]
})

t.test('every figure has a place of its own', async t => {
  t.same(
    [...figuresOf(run(10, 1, 7))],
    [
      ['tcp · Sluice · linesPerSecond', 10],
      ['tcp · Sluice · peakMegabytes', 7],
      ['udp · Sluice · buffer default · rate 1000 · lost', 0],
      ['udp · Sluice · buffer default · rate 2000 · lost', 1],
      ['formats · load cef · sluice · Sluice · linesPerSecond', 10],
      ['formats · load cef · rsyslog · rsyslog · linesPerSecond', 5]
    ]
  )
})

const kept = (commit: string, cases: Record<string, unknown>): Kept => ({
  name: `${commit}.json`,
  run: { ...cases, machine: { date: `2026-11-2${commit.length}T10:20:30.400Z`, commit, cpu: 'one', cores: 2 } }
})
const gains = (befores: Kept[], afters: Kept[]) =>
  comparisonsOf(befores, afters).flatMap(({ changes }) => changes.map(({ what, against, gain }) => [what, against, gain]))

t.test('what got slower, lossier or larger, and what got better; noise and what is in one run only are left out', async t => {
  const a = kept('a', run(100, 0, 100))
  t.same(gains([a], [kept('bb', { ...run(50, 3, 105), memory: { idleMegabytes: 1 } })]), [
    ['tcp · Sluice · linesPerSecond', 'a', -0.5],
    ['udp · Sluice · buffer default · rate 2000 · lost', 'a', -1],
    ['formats · load cef · sluice · Sluice · linesPerSecond', 'a', -0.5]
  ])
  t.same(
    gains([a], [kept('bb', run(200, 0, 50))]).map(([, , gain]) => gain),
    [1, 0.5, 1]
  )
})

t.test('each case of the newest run that has it is compared with the newest run before that has the same figure', async t => {
  const start = (segments: number, secondsUntilReady: number) => ({ segments, secondsUntilReady })
  const runs = [
    kept('a', { tcp: [{ name: 'Sluice', linesPerSecond: 1 }], start: [start(1, 9), start(5000, 9)], spool: { linesPerSecond: 1 } }),
    kept('bb', { tcp: [{ name: 'Sluice', linesPerSecond: 100 }], start: [start(1, 4)] }),
    kept('ccc', { tcp: [{ name: 'Sluice', linesPerSecond: 200 }] }),
    kept('dddd', { start: [start(1, 2), start(5000, 18), start(7, 7)] })
  ]
  t.same(gains(runs, runs), [
    ['start · segments 1 · secondsUntilReady', 'bb', 0.5],
    ['start · segments 5000 · secondsUntilReady', 'a', -1],
    ['tcp · Sluice · linesPerSecond', 'bb', 1]
  ])
  t.same(describe(comparisonsOf(runs, runs)), [
    'dddd of 2026-11-24 10:20 against bb of 2026-11-22 10:20: start (1 of its figures)',
    'dddd of 2026-11-24 10:20 against a of 2026-11-21 10:20: start (1 of its figures)',
    'ccc of 2026-11-23 10:20 against bb of 2026-11-22 10:20: tcp'
  ])
  t.same(
    gains([runs[0]!], runs).map(([, against, gain]) => [against, gain]),
    [
      ['a', 7 / 9],
      ['a', -1],
      ['a', 199]
    ],
    'one name: with that run'
  )
  t.same(
    gains([runs[2]!], [runs[1]!]),
    [['tcp · Sluice · linesPerSecond', 'ccc', -0.5]],
    'two names: the second with the first, whichever is older, and nothing else'
  )
})

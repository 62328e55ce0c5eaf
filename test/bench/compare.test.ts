import t from 'tap'
import { changesOf, figuresOf } from '../../bench/compare.ts'

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

t.test('what got slower, lossier or larger comes first; noise and what is in one run only are left out', async t => {
  const changes = changesOf(run(100, 0, 100), { ...run(50, 3, 105), memory: { idleMegabytes: 1 } })
  t.same(
    changes.map(({ what, gain }) => [what, gain]),
    [
      ['udp · Sluice · buffer default · rate 2000 · lost', -1],
      ['tcp · Sluice · linesPerSecond', -0.5],
      ['formats · load cef · sluice · Sluice · linesPerSecond', -0.5]
    ]
  )
  t.same(
    changesOf(run(50, 0, 100), run(100, 0, 50)).map(({ gain }) => gain),
    [0.5, 1, 1]
  )
})

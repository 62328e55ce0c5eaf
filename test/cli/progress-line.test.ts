import { PassThrough } from 'node:stream'
import t from 'tap'
import { ProgressLine, progressBar } from '../../src/cli/progress-line.ts'

function lineOn(terminal: object) {
  const out = Object.assign(new PassThrough(), terminal)
  const clock = { ms: 0 }
  return { line: new ProgressLine(out, () => clock.ms), clock, text: (): string => out.read()?.toString() ?? '' }
}

t.test('on a terminal the line is drawn now and then, never wider than the terminal, and taken away', async t => {
  const { line, clock, text } = lineOn({ isTTY: true, columns: 50 })
  line.show(0.1, () => 'at once')
  t.equal(text(), '', 'short work stays quiet')
  clock.ms = 1000
  line.show(0.25, () => 'a quarter')
  t.equal(text(), '\r\u001b[K[######------------------]  25%  a quarter')
  clock.ms = 1100
  line.show(0.3, () => 'too soon')
  t.equal(text(), '', 'not yet')
  clock.ms = 1300
  line.show(0.5, () => 'x'.repeat(100))
  t.equal(text().slice('\r\u001b[K'.length).length, 49)
  line.clear()
  t.equal(text(), '\r\u001b[K')
  line.clear()
  t.equal(text(), '', 'once')
})

t.test('elsewhere it writes nothing', async t => {
  const { line, clock, text } = lineOn({})
  clock.ms = 1000
  line.show(0.5, () => 'half')
  line.clear()
  t.equal(text(), '')
})

t.test('a bar stays within its bounds', async t => {
  t.match(progressBar(2), /^\[#{24}\] 100%$/)
  t.match(progressBar(-1), /^\[-{24}\] {3}0%$/)
})

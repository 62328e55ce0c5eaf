import t from 'tap'
import { Explainer, type Explanation } from '../../src/explain/explain.ts'
import { loadParsers } from '../../src/parse/load.ts'

const parsers = await loadParsers()
const NOW = Date.parse('2026-02-01T00:00:00Z')

function explain(lines: string[], options: { appliance?: string; bom?: boolean } = {}): Explanation {
  const explainer = new Explainer({ parsers, appliance: options.appliance ?? 'auto', timeZone: 'UTC', now: NOW })
  const bytes = Buffer.from((options.bom === true ? '\ufeff' : '') + lines.map(line => `${line}\n`).join(''))
  for (let at = 0; at < bytes.length; at += 100) explainer.feed(bytes.subarray(at, at + 100)) // chunk borders inside lines
  return explainer.end()
}

const line = (time: string, dst: string, more = ''): string =>
  `<189>date=2026-01-15 time=10:00:00 devid="FG100" logid="0000000013" type="traffic" subtype="forward" eventtime=${Date.parse(time) / 1000} srcip=10.0.0.7 dstip=${dst} dstport=443 proto=6 action="close" sentbyte=10 rcvdbyte=20${more}`
const GOOD = line('2026-01-15T10:00:00Z', '203.0.113.9', ' user="alice"')

const rules = (explanation: Explanation): string[] => explanation.problems.map(({ rule }) => rule)

t.test('a good log is accepted, with who reads it and what its records carry', async t => {
  const explanation = explain([GOOD, GOOD, line('2026-01-16T10:00:00Z', '203.0.113.10')])
  t.equal(explanation.verdict, 'accepted')
  t.same(explanation.problems, [])
  t.same(explanation.recognised, [{ parser: 'fortinet-fortigate', appliance: 'Fortinet FortiGate', lines: 3, share: 1 }])
  t.same(explanation.outcomes, { parsed: 3, skipped: 0, malformed: 0, unidentified: 0, rejected: 0 })
  t.equal(explanation.firstTime, '2026-01-15T10:00:00.000Z')
  t.equal(explanation.lastTime, '2026-01-16T10:00:00.000Z')
  const share = (name: string): number => explanation.attributes.find(({ attribute }) => attribute === name)!.share
  t.equal(share('user'), 2 / 3)
  t.equal(share('totalBytes'), 1)
  const url = explanation.attributes.find(({ attribute }) => attribute === 'url')!
  t.equal(url.share, 0)
  t.match(url.remedy, /web filter/, 'the setting that mends it')
})

t.test('a start is no record of its own once an end was seen, so it lowers no share', async t => {
  const start = line('2026-01-15T10:00:00Z', '203.0.113.9').replace('"close" sentbyte=10 rcvdbyte=20', '"start"')
  const { records, dropped, attributes, verdict } = explain([GOOD, start, GOOD, start, start])
  t.match({ records, dropped, verdict }, { records: 2, dropped: [{ reason: 'connection_start', count: 3 }], verdict: 'accepted' })
  t.equal(attributes.find(({ attribute }) => attribute === 'totalBytes')!.share, 1)
  t.equal(explain([start, start]).records, 2, 'of a log with starts only they are all there is')
  const interim = GOOD.replace('logid="0000000013"', 'logid="0000000020"')
  t.match(explain([interim]), { records: 0, verdict: 'refused', problems: [{ rule: 'no_records', text: /running totals/ }] })
})

t.test('a total that is missing empties the ranking of apps, unless one direction is there', async t => {
  const cost = (lines: string[]) => explain(lines).attributes.find(({ attribute }) => attribute === 'totalBytes')!.costs
  const without = (more: RegExp): string => GOOD.replace(more, '')
  t.equal(cost([GOOD]), undefined)
  t.equal(cost([without(/ sentbyte=10/)]), 'the ranking of apps by traffic knows one direction only')
  t.equal(cost([without(/ sentbyte=10 rcvdbyte=20/)]), 'the ranking of apps by traffic is empty')
})

t.test('a log that nobody reads does not match, with its first line, column and reason', async t => {
  const explanation = explain(['hello', 'world', GOOD])
  t.equal(explanation.verdict, 'refused')
  t.match(explanation.problems[0], { rule: 'format_mismatch', refuses: true, line: 1, column: 1, sample: 'hello' })
})

t.test('scores say which parsers claim the lines, those that are asked last included', async t => {
  const cef = 'CEF:0|SonicWall|NSa 4700|7.0.1|537|Connection Closed|4|src=10.0.0.7 dst=203.0.113.9 rt=1768471200000'
  t.same(explain([GOOD, cef, 'hello']).scores, [
    { parser: 'fortinet-fortigate', lines: 1, of: 3, generic: false },
    { parser: 'sonicwall', lines: 1, of: 3, generic: false },
    { parser: 'generic-key-value', lines: 1, of: 3, generic: true },
    { parser: 'generic-cef', lines: 1, of: 3, generic: true }
  ])
  const columns = ['#Fields: date time c-ip cs-username cs-host sc-bytes', '2026-01-15 10:00:00 10.0.0.7 alice a.example 5']
  t.match(explain(columns).scores, [{ parser: 'generic-w3c', lines: 2, of: 2 }], 'a row counts for whoever read the header')
  t.same(explain([GOOD], { appliance: 'fortinet-fortigate' }).scores, [], 'nothing is guessed for a parser that was named')
  t.equal(explain(Array.from({ length: 500 }, () => GOOD)).scores[0]?.lines, 200, 'the first lines only')
})

t.test('a few bad lines are a warning, and the rest goes', async t => {
  const explanation = explain([GOOD, GOOD, GOOD, 'garbage'])
  t.equal(explanation.verdict, 'accepted')
  t.match(explanation.problems, [{ rule: 'bad_lines', refuses: false, line: 4 }])
})

t.test('a log with nothing newer than 90 days is refused, one with some old lines is not', async t => {
  const old = line('2025-09-01T10:00:00Z', '203.0.113.9')
  t.match(explain([old, old]).problems, [{ rule: 'too_old', refuses: true, line: 1 }])
  const mixed = explain([GOOD, old])
  t.equal(mixed.verdict, 'accepted')
  t.match(mixed.problems, [{ rule: 'too_old', refuses: false, line: 2 }])
})

t.test('a log of internal traffic only is refused', async t => {
  const explanation = explain([line('2026-01-15T10:00:00Z', '192.168.3.4'), line('2026-01-15T10:00:00Z', '10.9.9.9')])
  t.equal(explanation.verdict, 'refused')
  t.same(rules(explanation), ['internal_only'])
})

t.test('a log without any traffic is refused', async t => {
  t.same(rules(explain([GOOD.replace('type="traffic" subtype="forward"', 'type="event" subtype="system"')])), ['no_records'])
})

t.test('a byte-order mark is refused, also when it comes in pieces', async t => {
  t.match(explain([GOOD], { bom: true }).problems, [{ rule: 'byte_order_mark', refuses: true, line: 1, column: 1 }])
  const explainer = new Explainer({ parsers, appliance: 'auto', timeZone: 'UTC', now: NOW })
  for (const byte of Buffer.from(`\ufeff${GOOD}`)) explainer.feed(Buffer.of(byte))
  t.match(explainer.end(), { records: 1, problems: [{ rule: 'byte_order_mark' }] })
})

t.test('times in the future point at the clock', async t => {
  t.match(explain([GOOD, line('2026-03-01T10:00:00Z', '203.0.113.9')]).problems, [{ rule: 'future', remedy: /clock/ }])
})

t.test('a last line without line feed counts', async t => {
  const explainer = new Explainer({ parsers, appliance: 'auto', timeZone: 'UTC', now: NOW })
  explainer.feed(Buffer.from(GOOD))
  t.equal(explainer.end().records, 1)
})

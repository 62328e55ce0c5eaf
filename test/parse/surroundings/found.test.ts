/** Frames that were once read differently by what lay around them in the lane's memory. */
import t from 'tap'
import { FrameReader } from '../../../src/frame-reader.ts'
import { newFrame, readHeader } from '../../../src/identify/syslog-header.ts'
import { laneBytes } from '../../../src/lib/lane-memory.ts'
import { loadParsers } from '../../../src/parse/load.ts'
import { UTC } from '../../../src/parse/values/zone.ts'
import { FIXTURE_NOW } from '../fixtures.ts'

const parsers = await loadParsers()

/** Puts a frame and its line feed into the memory, other bytes behind them; returns its end. */
function place(frame: string, at: number, behind: string): number {
  laneBytes.fill(behind, at, at + 1000)
  const end = at + laneBytes.write(frame, at, 'latin1')
  laneBytes[end] = 0x0a
  laneBytes.write(behind, end + 1, 'latin1')
  return end
}

function read(id: string, frame: string, at = 1000, behind = '\0'): string {
  const reader = new FrameReader(parsers, [UTC])
  reader.frame.now = FIXTURE_NOW
  const intake = reader.identifier.open(0, [{ source: 0, parser: parsers.find(parser => parser.id === id) ?? null }])
  const outcome = reader.read(intake, at, place(frame, at, behind))
  return `${outcome} ${reader.binding?.parser.id} ${outcome === 'parsed' ? JSON.stringify(reader.fields.toRecord()) : reader.fields.reason}`
}

/** The parser, a frame, and what lay behind its line feed and all before it; `auto` guesses. */
const FRAMES: readonly (readonly [string, string, string])[] = [
  ['auto', '2026-\treason=', '-----\t'],
  ['auto', '2026-\tevent_id=', '000\t'],
  ['auto', '"Mo  ","","","",":a', '"""""""'],
  ['menlo', 'no mark', '|'],
  ['cato', 'no mark', '|']
]

t.test('a frame is not read on behind its end', async t => {
  for (const [id, frame, behind] of FRAMES) {
    laneBytes.fill('\0', 0, 1000)
    const wanted = read(id, frame)
    laneBytes.fill(behind, 0, 1000)
    t.equal(read(id, frame, 1000, behind), wanted, JSON.stringify(frame))
  }
})

t.test('a short first word after a version is no epoch because of what lies behind', async t => {
  const frame = newFrame(UTC)
  readHeader(frame, laneBytes, 1000, place('1 12 a5', 1000, '0000.'))
  t.match(frame, { timeStart: -1, hostStart: -1, body: 1000 })
})

t.test('the first word of a list is not told by the byte before the frame', async t => {
  const frame = 'n]||1|Info'
  const wanted = read('barracuda-cloudgen', frame)
  laneBytes.fill(':', 0, 1000)
  t.equal(read('barracuda-cloudgen', frame), wanted)
})

/** Of sources whose parser is named: the first line of a block, and one of a later one that has no mark of the appliance. */
const FIRST_LINES = {
  'cisco-asa':
    '%ASA-6-302014: Teardown TCP connection 1001 for outside:203.0.113.10/443 to inside:192.0.2.10/51000 duration 0:00:30 bytes 6370',
  'cisco-fwsm':
    '%FWSM-6-302014: Teardown TCP connection 1001 for outside:203.0.113.10/443 to inside:192.0.2.10/51000 duration 0:00:30 bytes 6370',
  'cisco-ftd':
    '%FTD-6-302014: Teardown TCP connection 1001 for outside:203.0.113.10/443 to inside:192.0.2.10/51000 duration 0:00:30 bytes 6370',
  iboss: '<46>Jan  3 12:06:26 gw a,b,URL_LOG_ENTRY,ACTION=Allowed,USERNAME=alice,URL=http://www.example.com/'
}

t.test('a line without the mark of its appliance is not read as the first of its block', async t => {
  for (const [id, line] of Object.entries(FIRST_LINES)) {
    laneBytes.fill('\0', 0, 2000)
    place(line, 0, '\0')
    t.equal(read(id, 'no such line'), `malformed ${id} bad_syntax`, id)
  }
})

t.test('a URL is put together far in a block as well when its query is absent and that of the last row was not', async t => {
  const reader = new FrameReader(parsers, [UTC])
  const intake = reader.identifier.open(0, [{ source: 0, parser: null }])
  const row = (query: string): string =>
    `{"date":"2026-01-05","time":"09:15:34","sc-bytes":"20","bytes":"30","c-ip":"192.0.2.13","cs-uri-scheme":"https","cs-host":"www.example.com","cs-uri":"/a",${query}"x-cs-app":"App"}`
  for (const [query, url] of [
    ['"cs-uri-query":"q=1",', 'https://www.example.com/a?q=1'],
    ['', 'https://www.example.com/a']
  ] as const) {
    t.equal(reader.read(intake, 200_000, place(row(query), 200_000, '\0')), 'parsed')
    t.equal(reader.fields.toRecord().url, url)
  }
})

/**
 * Every grammar, through the parsers that are made of it, and every parser: a frame ends in one outcome, whatever it holds; reading
 * changes no byte of it; what was read can be written in every format, in one line; and the ways around work give the same.
 */
import { ENCODE_ROOM_BYTES, FRAME_MAX_BYTES } from '../../../src/contracts.ts'
import { newEncoder } from '../../../src/encode/encoder.ts'
import { FrameReader } from '../../../src/frame-reader.ts'
import type { IntakeIdentity } from '../../../src/identify/identifier.ts'
import { fastPaths } from '../../../src/lib/fast-paths.ts'
import { laneBytes } from '../../../src/lib/lane-memory.ts'
import { loadParsers } from '../../../src/parse/load.ts'
import { namedZone } from '../../../src/parse/values/zone.ts'
import { FIXTURE_NOW, fixtures } from '../../parse/fixtures.ts'
import { type FuzzTarget, same } from '../target.ts'

const parsers = await loadParsers()
const zone = namedZone('Europe/Berlin')
const encoders = (['cef', 'leef', 'w3c', 'csv'] as const).map(format => newEncoder(format))
const out = Buffer.alloc(ENCODE_ROOM_BYTES + 16)
const OUTCOMES = ['parsed', 'skipped', 'malformed', 'unidentified']

/** Reads the lines as one intake would; returns an answer for each. What stands behind a line must not show. */
export function readLines(lines: readonly Buffer[], reader: FrameReader, intake: IntakeIdentity, behind = '\0'): string[] {
  return lines.map(line => {
    const length = Math.min(line.length, FRAME_MAX_BYTES)
    laneBytes.fill(behind, length + 1, length + 300)
    const outcome = reader.readLine(intake, line)
    if (!OUTCOMES.includes(outcome)) throw new Error(`outcome ${String(outcome)}`)
    if (laneBytes.compare(line, 0, length, 0, length) !== 0 || laneBytes[length] !== 0x0a) throw new Error('reading changed the frame')
    if (outcome !== 'parsed') {
      if (reader.fields.reason === '') throw new Error(`${outcome} without a reason`)
      return `${outcome} ${reader.fields.reason}`
    }
    if (reader.reject === '') for (const encoder of encoders) writeRecord(encoder, reader)
    return `${reader.reject} ${JSON.stringify(reader.fields.toRecord())}`
  })
}

function writeRecord(encoder: (typeof encoders)[number], { fields }: FrameReader): void {
  out.fill(0xaa, ENCODE_ROOM_BYTES)
  const end = encoder.encode(fields, out, 0)
  if (end < 0) return
  if (end > ENCODE_ROOM_BYTES || out.indexOf(0xaa, ENCODE_ROOM_BYTES) !== ENCODE_ROOM_BYTES) throw new Error('an encoder left its room')
  if (out.indexOf(0x0a) !== end - 1) throw new Error(`${encoder.format}: a record is one line`)
  const line = out.subarray(0, end - 1)
  if (!Buffer.from(line.toString()).equals(line)) throw new Error(`${encoder.format}: a line is UTF-8`)
}

const linesOf = (input: Buffer): Buffer[] => {
  const lines: Buffer[] = []
  let start = 0
  for (let end = input.indexOf(0x0a); end >= 0; end = input.indexOf(0x0a, start)) {
    lines.push(input.subarray(start, end))
    start = end + 1
  }
  lines.push(input.subarray(start))
  return lines.slice(0, 50)
}

/** What an earlier line leaves behind, in tables that all intakes share, must not show in these. */
function answers(lines: readonly Buffer[], parser: string | undefined, isFast: boolean, before: Buffer): string[] {
  fastPaths.isOn = isFast
  try {
    const reader = new FrameReader(parsers, [zone])
    reader.frame.now = FIXTURE_NOW
    const fixed = parsers.find(({ id }) => id === parser) ?? null
    readLines([before], reader, reader.identifier.open(1, [{ source: 0, parser: fixed }]))
    const intake = reader.identifier.open(0, [{ source: 0, parser: fixed }])
    return readLines(lines, reader, intake, isFast ? '1:/ ' : '="')
  } finally {
    fastPaths.isOn = true
  }
}

/** Lines of each parser's fixtures. */
const linesById = new Map(
  Object.entries(Object.groupBy(fixtures(), ({ parser }) => parser)).map(([id, found = []]) => [
    id,
    found.flatMap(({ lines }) => lines.map(line => Buffer.from(line)))
  ])
)

/** Fixtures of these parsers, some lines each. The first line of an input says which parser reads the rest, as far as it is not to be guessed. */
function target(name: string, ids: readonly string[], tokens: readonly string[], isGuessed = false): FuzzTarget {
  return {
    name: `parse-${name}`,
    tokens,
    maxBytes: 140_000,
    seeds: () =>
      fixtures()
        .filter(({ parser }) => ids.includes(parser))
        .flatMap(({ parser, lines }) => {
          const some = [lines.slice(0, 6), ...lines.slice(0, 8).map(line => [line])]
          return some.map(lines => Buffer.from([parser, ...lines].join('\n')))
        }),
    check(input, chance) {
      const [name, ...lines] = linesOf(input)
      const named = String(name)
      const parser = isGuessed ? undefined : ids.includes(named) ? named : ids[named.length % ids.length]!
      const known = linesById.get(parser ?? chance.pick(ids)) ?? [Buffer.alloc(0)]
      const fast = answers(lines, parser, true, chance.pick(known))
      same(`${parser ?? 'auto'}, with the ways around work and without`, fast, answers(lines, parser, false, chance.pick(known)))
    }
  }
}

const all = parsers.map(({ id }) => id)
const having = (...parts: string[]): string[] => all.filter(id => parts.some(part => id.startsWith(part)))

export const parserTargets: readonly FuzzTarget[] = [
  target('key-value', having('generic-key-value', 'fortinet', 'sophos', 'sonicwall', 'checkpoint', 'juniper', 'stormshield'), [
    '" ',
    '="',
    ' src=',
    "='",
    ',srcip=',
    '\\"'
  ]),
  target('cef', having('generic-cef', 'menlo', 'paloalto', 'fortinet'), ['CEF:0|', '|', '\\|', '\\=', ' src=', ' rt=', 'cs1Label=']),
  target('leef', having('generic-leef', 'watchguard', 'zscaler-nss', 'checkpoint'), ['LEEF:2.0|', '|x09|', '\t', '|^|', 'devTime=']),
  target('json', having('iboss', 'cato', 'zscaler', 'netskope', 'barracuda-cloudgen'), [
    '{"',
    '":"',
    '\\u',
    '\\ud83d',
    '[',
    ']}',
    '1e5',
    'null',
    'true'
  ]),
  target('w3c', having('generic-w3c', 'bluecoat', 'cisco-wsa', 'microsoft-isa'), [
    '#Fields: ',
    '#Fields:',
    'c-ip',
    'cs-uri',
    'date time',
    '"',
    ' - ',
    '\n'
  ]),
  target('asa', having('cisco-asa', 'cisco-ftd', 'cisco-fwsm'), ['%ASA-6-302014: ', 'Teardown', ' bytes ', '(', ')', ':', '/', 'LOCAL\\']),
  target('delimited', having('generic-csv', 'paloalto', 'squid', 'websense', 'cisco-umbrella', 'skyhigh'), [
    '","',
    ',,',
    '""',
    ';',
    '\t',
    '"\n'
  ]),
  target('any', all, [' src=', '|', 'CEF:0|', '#Fields: ']),
  target('guessed', all, ['<13>', '<13>1 2026-01-01T00:00:00Z h a - - [x y="z"] ', 'Jan  1 00:00:00 ', 'CEF:0|', 'LEEF:1.0|', '{"'], true)
]

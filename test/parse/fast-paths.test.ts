/**
 * Lines like earlier ones are read by shortcuts (src/lib/fast-paths.ts). Whatever they are, their record must be the one that the
 * plain way of the same parser gives, byte for byte as it is written to a file.
 */
import t from 'tap'
import { random } from '../../bench/lines.ts'
import { newEncoder } from '../../src/encode/encoder.ts'
import { FrameReader } from '../../src/frame-reader.ts'
import { fastPaths } from '../../src/lib/fast-paths.ts'
import { loadParsers } from '../../src/parse/load.ts'
import { UTC } from '../../src/parse/values/zone.ts'
import { FIXTURE_NOW, fixtures } from './fixtures.ts'

const SEEDS = process.env.SLUICE_TEST_NIGHTLY === '1' ? 20 : 1
/** Variants of each line of the fixtures, one after another, so that what is learnt from one is used for the next. */
const VARIANTS = 120

t.setTimeout(600_000)

const parsers = await loadParsers()
const encoder = newEncoder('csv') // the format that leaves nothing out

function readerOf(isOn: boolean): (line: Buffer) => string {
  const reader = new FrameReader(parsers, [UTC])
  reader.frame.now = FIXTURE_NOW
  const intake = reader.identifier.open(0, [{ source: 0, parser: null }])
  const out = Buffer.alloc(64 * 1024)
  return line => {
    fastPaths.isOn = isOn
    const outcome = reader.readLine(intake, line)
    const parser = reader.binding?.parser.id ?? ''
    if (outcome !== 'parsed') return `${outcome} ${parser} ${reader.fields.reason}`
    if (reader.reject !== '') return `${parser} ${reader.reject} ${JSON.stringify(reader.fields.toRecord())}`
    const end = encoder.encode(reader.fields, out, 0)
    return `${parser} ${reader.fields.phase} ${reader.fields.scheme} ${end < 0 ? 'too long' : out.toString('latin1', 0, end)}`
  }
}

const STRUCTURE = Buffer.from('"=, \t|:;\\\'{}[]<>\0\r/.%')

/** The line with a few bytes changed: mostly in its numbers, as they change from line to line, sometimes anywhere and to anything. */
function variantOf(line: Buffer, next: () => number): Buffer {
  const bytes = [...line]
  const below = (limit: number): number => Math.floor(next() * limit)
  const structural = (): number => STRUCTURE[below(STRUCTURE.length)]!
  const isWild = next() < 0.15
  const isMalicious = next() < 0.15
  for (let changes = 1 + below(4); changes > 0 && bytes.length > 0; changes--) {
    const digits = bytes.flatMap((byte, at) => (byte >= 0x30 && byte <= 0x39 ? [at] : []))
    const at = isWild || digits.length === 0 ? below(bytes.length) : digits[below(digits.length)]!
    const kind = next()
    if (isWild && kind < 0.1) bytes.splice(at)
    else if (isWild && kind < 0.2) bytes.splice(at, 0, ...bytes.slice(below(at + 1), at))
    else if (isWild && kind < 0.3) bytes[at] = below(256)
    else if ((isWild || isMalicious) && kind < 0.8) bytes.splice(at, below(2), structural())
    else if (kind < 0.5) bytes[at] = 0x30 + below(10)
    else if (kind < 0.8) bytes.splice(at, 0, 0x30 + below(10))
    else bytes.splice(at, 1)
  }
  return Buffer.from(bytes.filter(byte => byte !== 0x0a))
}

t.teardown(() => {
  fastPaths.isOn = true
})

for (const folder of Map.groupBy(fixtures(), ({ parser }) => parser)) {
  const [parser, files] = folder
  t.test(`${parser}: shortcuts and the plain way write the same bytes for every line and its mutations`, async t => {
    const differences: string[] = []
    for (let seed = 1; seed <= SEEDS; seed++) {
      const next = random(seed)
      const fast = readerOf(true)
      const plain = readerOf(false)
      const lines = files.flatMap(({ bytes }) => bytes.toString('latin1').split('\n').slice(0, -1)).map(line => Buffer.from(line, 'latin1'))
      for (const line of lines) {
        for (let variant = 0; variant <= VARIANTS; variant++) {
          const bytes = variant === 0 ? line : variantOf(line, next)
          const [got, wanted] = [fast(bytes), plain(bytes)]
          if (got !== wanted) differences.push(`${bytes.toString('latin1')}\n  fast  ${got}\n  plain ${wanted}`)
        }
      }
    }
    t.same(differences.slice(0, 3), [], `${differences.length} lines differ`)
  })
}

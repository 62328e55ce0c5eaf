/** Cases from cases: bytes changed, moved, doubled and taken from elsewhere, as a seed says. */
import type { Chance } from '../fault/chance.ts'

/** Bytes on which the readers of logs turn. */
const TURNING = Buffer.from('"\'\\=|,;:%&#<>[]{}()/?@ \t\r\n\0\x1b\x7f\x80\xbf\xc3\xe2\xef\xff-+.09aZ', 'latin1')
const COMMON_TOKENS = [
  '""',
  '\\"',
  '\\\\',
  '%00',
  '%',
  '0',
  '-1',
  '4294967296',
  '9007199254740993',
  '1e309',
  '\ufeff',
  '\r\n',
  '::',
  '0x',
  '=',
  ' = ',
  '{}',
  'ä',
  '\ud83d\ude00'
]

/** One to some dozen changes to one of the seeds. Mostly small; one case in a hundred is grown beyond the bounds of a frame. */
export function mutate(seeds: readonly Buffer[], tokens: readonly string[], chance: Chance, maxBytes: number): Buffer {
  let bytes: Buffer = Buffer.from(chance.pick(seeds))
  const changes = chance.happens(0.05) ? 0 : chance.happens(0.2) ? chance.between(5, 40) : chance.between(1, 4)
  for (let change = 0; change < changes; change++) bytes = changed(bytes, seeds, tokens, chance)
  if (chance.happens(0.01)) bytes = grown(bytes, chance, maxBytes)
  return bytes.subarray(0, maxBytes)
}

function changed(bytes: Buffer, seeds: readonly Buffer[], tokens: readonly string[], chance: Chance): Buffer {
  const at = chance.between(0, bytes.length)
  const end = Math.min(bytes.length, at + (chance.happens(0.8) ? chance.between(0, 12) : chance.between(0, bytes.length)))
  const replaced = (middle: Buffer, from = at, to = end): Buffer => Buffer.concat([bytes.subarray(0, from), middle, bytes.subarray(to)])
  switch (chance.between(0, 9)) {
    case 0: // another byte
      if (at < bytes.length) bytes[at] = chance.happens(0.7) ? chance.pick([...TURNING]) : chance.between(0, 255)
      return bytes
    case 1: // one bit
      if (at < bytes.length) bytes[at]! ^= 1 << chance.between(0, 7)
      return bytes
    case 2: // something put in
      return replaced(Buffer.from([chance.pick([...TURNING])]), at, at)
    case 3:
      return replaced(
        Buffer.from(chance.pick(chance.happens(0.5) && tokens.length > 0 ? tokens : COMMON_TOKENS)),
        at,
        chance.happens(0.5) ? at : end
      )
    case 4: // taken out
      return replaced(Buffer.alloc(0))
    case 5: // said twice, or a few times
      return replaced(Buffer.concat(Array.from({ length: chance.between(2, 5) }, () => bytes.subarray(at, end))))
    case 6: // cut off
      return chance.happens(0.5) ? bytes.subarray(0, at) : bytes.subarray(at)
    case 7: {
      // the rest of another case
      const other = chance.pick(seeds)
      return Buffer.concat([bytes.subarray(0, at), other.subarray(chance.between(0, other.length))])
    }
    case 8: {
      // a piece that moved
      const to = chance.between(0, at)
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at, end), bytes.subarray(to, at), bytes.subarray(end)])
    }
    default: // a run of one byte
      return replaced(Buffer.alloc(chance.between(1, 200), chance.pick([...TURNING])), at, at)
  }
}

function grown(bytes: Buffer, chance: Chance, maxBytes: number): Buffer {
  if (bytes.length === 0) return bytes
  const at = chance.between(0, bytes.length - 1)
  const unit = bytes.subarray(at, Math.min(bytes.length, at + chance.between(1, 64)))
  const run = Buffer.alloc(chance.between(0, maxBytes), unit)
  return Buffer.concat([bytes.subarray(0, at), run, bytes.subarray(at)])
}

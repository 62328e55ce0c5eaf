/** Bodies of HTTP requests, and files that are packed. */
import { execFileSync } from 'node:child_process'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { BodyError, hecLines, unpackedBody } from '../../../src/receivers/http-body.ts'
import { UnpackError, unpacked } from '../../../src/receivers/unpack.ts'
import { fixtures } from '../../parse/fixtures.ts'
import { cutAtRandom, type FuzzTarget, same } from '../target.ts'

const MAX_BYTES = 1024 * 1024
const LIMITS = { unpackedMaxBytes: MAX_BYTES, unpackedMaxRatio: 300 }

/** What comes out, or the kind of error that is its right; never more than may. */
async function result(pieces: AsyncIterable<Uint8Array>, isRight: (error: unknown) => string | undefined): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  try {
    for await (const piece of pieces) {
      parts.push(Buffer.from(piece))
      size += piece.length
      if (size > MAX_BYTES + 1024 * 1024) throw new Error('more comes out than may')
    }
    return Buffer.concat(parts).toString('base64')
  } catch (error) {
    const why = isRight(error)
    if (why === undefined) throw error
    return why
  }
}

async function* stream(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks
}

const someLines = (): Buffer =>
  Buffer.from(
    fixtures()
      .flatMap(({ lines }) => lines.slice(0, 1))
      .join('\n')
      .slice(0, 3000)
  )

const httpTarget: FuzzTarget = {
  name: 'body-http',
  maxBytes: 60_000,
  tokens: ['{"event":', '"time":', '\\"', '}{', '[', '\x1f\x8b\x08'],
  seeds: () => [
    Buffer.from('{"event":"<13>one\\ntwo","time":1}{"event":{"a":"}"},"host":"x"}\n{"event":3}'),
    Buffer.from('{"event":"unfinished'),
    gzipSync(someLines()),
    Buffer.concat([gzipSync('one\n'), gzipSync('two\n')]),
    someLines()
  ],
  async check(input, chance) {
    const isRight = (error: unknown): string | undefined => (error instanceof BodyError ? `refused with ${error.status}` : undefined)
    const whole = await result(unpackedBody([input], '', MAX_BYTES), isRight)
    same('a body that is cut', await result(unpackedBody(cutAtRandom(input, chance), '', MAX_BYTES), isRight), whole)
    const text = hecLines(input)
    if (text !== '' && !text.endsWith('\n')) throw new Error('the last event is no line')
  }
}

const unpackTarget: FuzzTarget = {
  name: 'body-unpack',
  maxBytes: 60_000,
  tokens: [
    'PK\x03\x04',
    'PK\x01\x02',
    'PK\x05\x06',
    'BZh9',
    '\xfd7zXZ\x00',
    '\x1f\x8b\x08',
    '\x28\xb5\x2f\xfd',
    '\x50\x2a\x4d\x18',
    'ustar'
  ],
  seeds: () => {
    const lines = someLines()
    const piped = (command: string, ...args: string[]): Buffer => execFileSync(command, args, { input: lines, maxBuffer: 1e8 })
    return [
      lines,
      gzipSync(lines),
      Buffer.concat([gzipSync('one\n'), gzipSync(lines)]),
      zstdCompressSync(lines),
      Buffer.concat([zstdCompressSync('one\n'), zstdCompressSync(lines)]),
      piped('bzip2', '-c'),
      piped('xz', '-c'),
      piped('xz', '-c', '-9', '--check=crc32'),
      piped('zip', '-q', '-', '-'),
      gzipSync(Buffer.alloc(3 * 1024 * 1024))
    ]
  },
  async check(input, chance) {
    const isRight = (error: unknown): string | undefined => (error instanceof UnpackError ? error.kind : undefined)
    const whole = await result(unpacked(stream([input]), LIMITS), isRight)
    same('a file that is cut', await result(unpacked(stream(cutAtRandom(input, chance)), LIMITS), isRight), whole)
  }
}

export const bodyTargets: readonly FuzzTarget[] = [httpTarget, unpackTarget]

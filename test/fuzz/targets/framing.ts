/** Framers: no frame is longer than the cap, and where a chunk ends never matters. */
import { FRAME_MAX_BYTES, type Framing } from '../../../src/contracts.ts'
import { createFramer } from '../../../src/framing/framer.ts'
import { collect } from '../../framing/framing-kit.ts'
import { fixtures } from '../../parse/fixtures.ts'
import { cutAtRandom, type FuzzTarget, same } from '../target.ts'

function framed(framing: Framing, chunks: readonly Buffer[]) {
  const { frames, stats } = collect(createFramer(framing), chunks)
  for (const frame of frames) if (frame.length > FRAME_MAX_BYTES) throw new Error(`a frame of ${frame.length} bytes`)
  return { frames, stats }
}

const files = (): Buffer[] => fixtures().map(({ bytes }) => bytes.subarray(0, 4000))

const target = (framing: Framing, seeds: () => Buffer[], tokens: readonly string[]): FuzzTarget => ({
  name: `framing-${framing}`,
  seeds,
  tokens,
  check(input, chance) {
    const whole = framed(framing, [input])
    same('frames of a stream that is cut', framed(framing, cutAtRandom(input, chance)), whole)
  }
})

const octets = (text: string): string => `${Buffer.byteLength(text)} ${text}`

export const framingTargets: readonly FuzzTarget[] = [
  target(
    'syslog-stream',
    () => [
      ...files(),
      Buffer.from(['<13>one', '<14>two\nlines', '<1>', ''].map(octets).join('')),
      Buffer.from(`<13>a\n${octets('<13>b')}<13>c\r\n${octets('<13>d')}\n\0`)
    ],
    ['5 <13>', '70000 ', '\n<13>', '\0', '00012 ', '99999999999 <']
  ),
  target('lines', files, ['\r\n', '\r', '\n\n', '\ufeff']),
  target(
    'json',
    () => [
      ...fixtures()
        .filter(({ lines }) => lines[0]?.startsWith('{'))
        .flatMap(({ bytes, lines }) => [bytes.subarray(0, 4000), Buffer.from(`[${lines.slice(0, 4).join(',')}]`)]),
      Buffer.from('[{"a":"}]"},{"b":[1,{"c":"\\"\\\\"}]}]\n{"d":1}{"e":2}'),
      Buffer.from('{"sourcetype":"x","event":{"a":1}}')
    ],
    ['[', ']', '{', '}', '"', '\\u0022', '\\', '},{', '[[', '{"a":', '\n']
  ),
  {
    name: 'framing-datagram',
    seeds: files,
    check(input, chance) {
      // Here a chunk is a datagram; nothing is carried from one to the next.
      const chunks = cutAtRandom(input, chance)
      const { frames } = framed('datagram', chunks)
      const lines = chunks.reduce((sum, chunk) => sum + chunk.toString('latin1').split('\n').length, 0)
      if (frames.length > lines) throw new Error(`${frames.length} frames of ${lines} lines`)
      same(
        'datagrams, each by itself',
        framed('datagram', chunks).frames,
        chunks.flatMap(chunk => framed('datagram', [chunk]).frames)
      )
    }
  }
]

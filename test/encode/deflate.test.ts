import { randomFillSync } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { crc32, gunzipSync, inflateRawSync } from 'node:zlib'
import t from 'tap'
import { chooseDeflater, type Deflater } from '../../src/encode/deflate.ts'
import { ISAL_INPUT_BYTES } from '../../src/encode/isal.ts'
import { OUTPUT_BYTES } from '../../src/encode/output.ts'
import { crc32Combine } from '../../src/spool/crc32-combine.ts'
import { endsInSyncFlush, GZIP_HEADER, gzipTrailer } from '../../src/spool/gzip-member.ts'
import fc from '../property-kit.ts'

/** ISA-L is optional: where it is missing these tests hold for zlib, which then serves both choices. */
const deflaters: Record<string, Deflater> = { zlib: chooseDeflater('zlib'), auto: chooseDeflater('auto') }
const FINAL_BLOCK = Buffer.from([0x03, 0x00])

const inflate = (bytes: Uint8Array): Buffer => inflateRawSync(Buffer.concat([bytes, FINAL_BLOCK]))

function noise(length: number): Buffer {
  return randomFillSync(Buffer.alloc(length))
}

const lineLike = (length: number): Buffer =>
  Buffer.from(
    Array.from({ length: length / 64 + 1 }, (_, i) => `CEF:0|v|p|${i % 7}|src=10.0.${i % 256}.${(i * 31) % 256} out=${i * i}\n`).join('')
  ).subarray(0, length)

/** Blocks as lanes make them and as they never should: text, noise, one byte, runs, and mixtures of all. */
const piece = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 300 }).map(bytes => Buffer.from(bytes)),
  fc.integer({ min: 1, max: 90_000 }).map(noise),
  fc.integer({ min: 1, max: 90_000 }).map(lineLike),
  fc.tuple(fc.integer({ min: 1, max: 70_000 }), fc.integer({ min: 0, max: 255 })).map(([length, byte]) => Buffer.alloc(length, byte))
)
const block = fc.array(piece, { minLength: 1, maxLength: 4 }).map(pieces => Buffer.concat(pieces))

for (const [choice, deflater] of Object.entries(deflaters)) {
  t.test(`${choice}: any block comes back byte by byte, ends in a sync flush and has the CRC of its text`, async t => {
    fc.assert(
      fc.property(block, fc.integer({ min: 0, max: 9 }), (raw, otherLevel) => {
        for (const level of [1, otherLevel]) {
          const made = deflater.deflateBlock(raw, level)
          if (
            !inflate(made.bytes).equals(raw) ||
            made.crc32 !== crc32(raw) ||
            made.deflatedCrc32 !== crc32(made.bytes) ||
            !endsInSyncFlush(made.bytes)
          )
            return false
        }
        return true
      }),
      { numRuns: 150 }
    )
    t.pass('held for all blocks')
  })

  t.test(`${choice}: the largest block of a lane, and one beyond what ISA-L is given, come back whether text or noise`, async t => {
    for (const length of [65_535, 65_536, 262_144, OUTPUT_BYTES, ISAL_INPUT_BYTES, ISAL_INPUT_BYTES + 1, 2_000_000])
      for (const raw of [lineLike(length), noise(length)]) {
        const { bytes } = deflater.deflateBlock(raw, 1)
        t.ok(inflate(bytes).equals(raw), `${length} bytes`)
        t.ok(endsInSyncFlush(bytes), 'or the spool would refuse the block')
        t.equal(bytes.byteLength, bytes.buffer.byteLength, 'the bytes own their buffer')
      }
  })

  t.test(`${choice}: blocks need nothing of the block before and make one gzip member when appended`, async t => {
    const texts = [lineLike(262_144), noise(300), lineLike(70_000), lineLike(1), noise(200_000), lineLike(262_144)]
    const blocks = texts.map(raw => deflater.deflateBlock(raw, 1))
    const again = deflater.deflateBlock(texts[0]!, 1)
    t.same(again, blocks[0], 'the same text gives the same block, whatever came between')
    const crc = blocks.reduce((sum, { crc32 }, i) => crc32Combine(sum, crc32, texts[i]!.length), 0)
    const whole = Buffer.concat(texts)
    const member = Buffer.concat([GZIP_HEADER, ...blocks.map(({ bytes }) => bytes), gzipTrailer(crc, whole.length)])
    t.ok(gunzipSync(member).equals(whole))
    for (const i of texts.keys())
      t.ok(inflate(Buffer.concat(blocks.slice(i).map(({ bytes }) => bytes))).equals(Buffer.concat(texts.slice(i))), `from block ${i} on`)
  })
}

t.test('a deflater says which library it uses, and asking for a library that is missing fails', async t => {
  t.equal(chooseDeflater('zlib').library, 'zlib')
  const auto = chooseDeflater('auto')
  if (auto.library === 'isal') t.match(chooseDeflater('isal').description, /ISA-L .*libisal/)
  else t.throws(() => chooseDeflater('isal'), /Cannot deflate with ISA-L: /)
})

t.test('threads that deflate can come and go', async t => {
  const code = `
    const { parentPort } = require('node:worker_threads')
    import(${JSON.stringify(new URL('../../src/encode/deflate.ts', import.meta.url).href)}).then(({ chooseDeflater }) => {
      const deflater = chooseDeflater('auto')
      parentPort.postMessage(deflater.deflateBlock(Buffer.alloc(200_000, 'some line\\n'), 1))
    })`
  const expected = Buffer.alloc(200_000, 'some line\n')
  for (let round = 0; round < 5; round++) {
    const made = await Promise.all(
      [0, 1].map(
        () =>
          new Promise<{ bytes: Uint8Array; crc32: number }>((resolve, reject) => {
            const worker = new Worker(code, { eval: true })
            let message: { bytes: Uint8Array; crc32: number } | undefined
            worker.on('message', value => {
              message = value
            })
            worker.on('error', reject)
            worker.on('exit', status =>
              message === undefined || status !== 0 ? reject(new Error(`ended with ${status}`)) : resolve(message)
            )
          })
      )
    )
    for (const { bytes, crc32: crc } of made) {
      t.ok(inflate(bytes).equals(expected))
      t.equal(crc, crc32(expected))
    }
  }
})

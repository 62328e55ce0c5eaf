import { crc32, deflateRawSync, gunzipSync } from 'node:zlib'
import t from 'tap'
import { deflatePiece, GZIP_HEADER, gzipTrailer, inflateChecked, inflatePiece } from '../../src/spool/gzip-member.ts'
import { searchPieces } from '../../src/spool/salvage.ts'
import fc from '../property-kit.ts'

const raw = Buffer.from('one line\nanother line\n'.repeat(50))

t.test('a piece inflates to what went in', async t => {
  t.same(inflatePiece(deflatePiece(raw)), raw)
  t.same(inflateChecked(deflatePiece(raw), raw.length, crc32(raw)), raw)
})

t.test('no proper part of a piece passes for a whole one', async t => {
  const piece = deflatePiece(Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 7919) & 0xff)))
  const passed = Array.from({ length: piece.length }, (_, end) => end).filter(end => inflatePiece(piece.subarray(0, end)) !== undefined)
  t.same(passed, [])
})

t.test('a deflate stream that ends for good is no piece', async t => {
  t.equal(inflatePiece(deflateRawSync(raw)), undefined)
  t.equal(inflatePiece(Buffer.concat([deflateRawSync(raw), deflatePiece(raw)])), undefined)
})

t.test('what inflates to more than allowed is refused before it fills the memory', async t => {
  t.equal(inflatePiece(deflatePiece(Buffer.alloc(10_000_000)), 1000), undefined)
  t.equal(inflateChecked(deflatePiece(raw), raw.length - 1, crc32(raw)), undefined)
})

t.test('pieces between header and trailer are one gzip member', async t => {
  const member = Buffer.concat([GZIP_HEADER, deflatePiece(raw), gzipTrailer(crc32(raw), raw.length)])
  t.same(gunzipSync(member), raw)
  t.same(gunzipSync(Buffer.concat([GZIP_HEADER, gzipTrailer(0, 0)])), Buffer.alloc(0))
})

t.test('unknown pieces are found again, also when the lines hold the mark of a sync flush', async t => {
  const line = fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.concat([bytes, Buffer.from([0, 0, 0xff, 0xff, 0x0a])]))
  const run = (): void =>
    fc.assert(
      fc.property(fc.array(fc.array(line, { minLength: 1, maxLength: 5 }), { maxLength: 6 }), fc.nat(20), (blocks, torn) => {
        const raws = blocks.map(lines => Buffer.concat(lines))
        const pieces = raws.map(deflatePiece)
        const tail = deflatePiece(Buffer.from('torn off\n')).subarray(0, Math.min(torn, 12))
        const { pieces: found } = searchPieces(Buffer.concat([...pieces, tail]), 10)
        let offset = 10
        for (const [index, piece] of pieces.entries()) {
          const got = found[index]!
          if (got.offset !== offset || got.length !== piece.length || got.crc32 !== crc32(raws[index]!)) return false
          offset += piece.length
        }
        return found.length === pieces.length
      })
    )
  t.doesNotThrow(run)
})

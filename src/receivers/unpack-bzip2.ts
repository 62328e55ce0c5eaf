/**
 * bzip2 as a stream of blocks, several streams one after another included. No package that was found does this with bounded
 * memory and checksums; seek-bzip wants the whole file, unbzip2-stream is from 2021 and skips the checksums of streams. The
 * format: magic `BZh` and level, blocks (magic of 48 bits, checksum, Burrows-Wheeler index, Huffman tables, symbols), end.
 *
 * It runs on the thread that calls it, at some 10 MB/s; a block takes tens of milliseconds.
 */
import { Buffer } from 'node:buffer'
import { type ChunkReader, UnpackError } from './unpack-reader.ts'

/** More than a packed block can take: 900,000 symbols of 20 bits, selectors and tables. */
const PACKED_BLOCK_MAX_BYTES = 2_300_000
const PIECE_BYTES = 64 * 1024
const GROUP_SYMBOLS = 50
const CODE_MAX_BITS = 20
const BLOCK_MAGIC = 0x314159265359
const END_MAGIC = 0x177245385090

const damaged = (): UnpackError => new UnpackError('damaged', 'the bzip2 file is damaged')

/** Bits of a buffer, most significant first. Hot path: once per symbol. */
class BitReader {
  #buf: Buffer
  #at = 0
  #bits = 0
  #bitCount = 0

  constructor(buf: Buffer) {
    this.#buf = buf
  }

  /** Up to 24 bits. */
  read(count: number): number {
    while (this.#bitCount < count) {
      const byte = this.#buf[this.#at++]
      if (byte === undefined) throw new UnpackError('damaged', 'the bzip2 file ends in the middle')
      this.#bits = ((this.#bits & 0xffffff) << 8) | byte
      this.#bitCount += 8
    }
    this.#bitCount -= count
    return (this.#bits >>> this.#bitCount) & ((1 << count) - 1)
  }

  read32(): number {
    return ((this.read(16) << 16) | this.read(16)) >>> 0
  }

  read48(): number {
    return this.read(24) * 2 ** 24 + this.read(24)
  }

  /** Goes to the next whole byte. */
  align(): void {
    this.#bitCount -= this.#bitCount % 8
  }

  /** Bytes that were not touched; the bits of the current byte stay. */
  get left(): number {
    return this.#buf.length - this.#at
  }

  /** Whole bytes that are left, after `align`. */
  rest(): Buffer {
    return this.#buf.subarray(this.#at - this.#bitCount / 8)
  }

  append(more: Buffer): void {
    this.#buf = Buffer.concat([this.#buf.subarray(this.#at), more])
    this.#at = 0
  }
}

export async function* bunzipped(reader: ChunkReader): AsyncGenerator<Buffer> {
  do {
    const head = await reader.read(4)
    const level = head[3]! - 0x30
    if (head.toString('latin1', 0, 3) !== 'BZh' || !(level >= 1 && level <= 9)) throw damaged()
    yield* oneStream(reader, level * 100_000)
  } while ((await reader.peek(1)).length > 0)
}

async function* oneStream(reader: ChunkReader, blockMaxBytes: number): AsyncGenerator<Buffer> {
  const bits = new BitReader(Buffer.alloc(0))
  const links = new Uint32Array(blockMaxBytes)
  let streamCrc = 0
  for (;;) {
    if (bits.left < PACKED_BLOCK_MAX_BYTES) bits.append(await takeUpTo(reader, PACKED_BLOCK_MAX_BYTES - bits.left))
    const magic = bits.read48()
    const wantedCrc = bits.read32()
    if (magic === END_MAGIC) {
      if (wantedCrc !== streamCrc) throw damaged()
      bits.align()
      reader.unread(bits.rest())
      return
    }
    if (magic !== BLOCK_MAGIC) throw damaged()
    const { length, origin } = readBlock(bits, links)
    const crc = { value: 0xffffffff }
    yield* unsorted(links, length, origin, crc)
    const blockCrc = ~crc.value >>> 0
    if (blockCrc !== wantedCrc) throw damaged()
    streamCrc = (((streamCrc << 1) | (streamCrc >>> 31)) ^ blockCrc) >>> 0
  }
}

async function takeUpTo(reader: ChunkReader, count: number): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let size = 0; size < count; ) {
    const chunk = await reader.next()
    if (chunk === undefined) break
    parts.push(chunk)
    size += chunk.length
  }
  return Buffer.concat(parts)
}

interface Code {
  /** Largest code of each length, left out lengths -1. */
  limit: Int32Array
  base: Int32Array
  symbols: Uint16Array
  minBits: number
}

/** Reads a block's symbols into the low bytes of `links`, the last column of the sorted block. */
function readBlock(bits: BitReader, links: Uint32Array): { length: number; origin: number } {
  if (bits.read(1) !== 0) throw new UnpackError('unsupported', 'the bzip2 file was written by a version before 0.9.5')
  const origin = bits.read(24)
  const used = readUsedBytes(bits)
  const groups = bits.read(3)
  const selectorCount = bits.read(15)
  if (used.length === 0 || groups < 2 || groups > 6 || selectorCount === 0) throw damaged()
  const selectors = readSelectors(bits, groups, selectorCount)
  const codes = Array.from({ length: groups }, () => readCode(bits, used.length + 2))
  const length = readSymbols(bits, { links, used, selectors, codes })
  if (origin >= length) throw damaged()
  return { length, origin }
}

function readUsedBytes(bits: BitReader): Uint8Array {
  const used: number[] = []
  const ranges = bits.read(16)
  for (let range = 0; range < 16; range++) {
    if ((ranges & (0x8000 >> range)) === 0) continue
    const members = bits.read(16)
    for (let i = 0; i < 16; i++) if ((members & (0x8000 >> i)) !== 0) used.push(range * 16 + i)
  }
  return Uint8Array.from(used)
}

function readSelectors(bits: BitReader, groups: number, count: number): Uint8Array {
  const order = Array.from({ length: groups }, (_, i) => i)
  const selectors = new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    let place = 0
    while (bits.read(1) === 1) if (++place >= groups) throw damaged()
    const [group] = order.splice(place, 1)
    order.unshift(group!)
    selectors[i] = group!
  }
  return selectors
}

/** A Huffman table: lengths as steps up and down from symbol to symbol; codes of one length are consecutive. */
function readCode(bits: BitReader, alphabetSize: number): Code {
  const lengths = new Uint8Array(alphabetSize)
  let length = bits.read(5)
  for (let i = 0; i < alphabetSize; i++) {
    for (;;) {
      if (length < 1 || length > CODE_MAX_BITS) throw damaged()
      if (bits.read(1) === 0) break
      length += bits.read(1) === 0 ? 1 : -1
    }
    lengths[i] = length
  }
  const limit = new Int32Array(CODE_MAX_BITS + 1).fill(-1)
  const base = new Int32Array(CODE_MAX_BITS + 1)
  const symbols = new Uint16Array(alphabetSize)
  let code = 0
  let placed = 0
  for (let bitCount = 1; bitCount <= CODE_MAX_BITS; bitCount++) {
    base[bitCount] = placed - code
    for (let i = 0; i < alphabetSize; i++) {
      if (lengths[i] !== bitCount) continue
      symbols[placed++] = i
      limit[bitCount] = code++
    }
    code <<= 1
  }
  return { limit, base, symbols, minBits: lengths.reduce((least, each) => Math.min(least, each), CODE_MAX_BITS) }
}

/** Undoes Huffman, run lengths of zeros and move-to-front. Returns the length of the block. Hot path: once per symbol. */
function readSymbols(
  bits: BitReader,
  { links, used, selectors, codes }: { links: Uint32Array; used: Uint8Array; selectors: Uint8Array; codes: Code[] }
): number {
  const order = Uint8Array.from(used)
  const endSymbol = used.length + 1
  let length = 0
  let run = 0
  let runUnit = 1
  let selected = 0
  let groupLeft = 0
  let code: Code = codes[0]!
  for (;;) {
    if (groupLeft-- === 0) {
      const group = selectors[selected++]
      if (group === undefined) throw damaged()
      code = codes[group]!
      groupLeft = GROUP_SYMBOLS - 1
    }
    let bitCount = code.minBits
    let value = bits.read(bitCount)
    while (value > code.limit[bitCount]!) {
      if (++bitCount > CODE_MAX_BITS) throw damaged()
      value = (value << 1) | bits.read(1)
    }
    const symbol = code.symbols[value + code.base[bitCount]!]!
    if (symbol <= 1) {
      run += runUnit << symbol
      runUnit *= 2
      if (run > links.length) throw damaged()
      continue
    }
    if (run > 0) {
      if (length + run > links.length) throw damaged()
      links.fill(order[0]!, length, length + run)
      length += run
      run = 0
      runUnit = 1
    }
    if (symbol === endSymbol) return length
    const place = symbol - 1
    const byte = order[place]!
    order.copyWithin(1, 0, place)
    order[0] = byte
    if (length >= links.length) throw damaged()
    links[length++] = byte
  }
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24
  for (let i = 0; i < 8; i++) value = value < 0 ? (value << 1) ^ 0x04c11db7 : value << 1
  return value
})

/** Undoes the Burrows-Wheeler transform and the first run lengths: after four equal bytes comes a count. Hot path: once per byte. */
function* unsorted(links: Uint32Array, length: number, origin: number, crc: { value: number }): Generator<Buffer> {
  const starts = new Uint32Array(257)
  for (let i = 0; i < length; i++) starts[(links[i]! & 0xff) + 1]!++
  for (let byte = 1; byte < 256; byte++) starts[byte]! += starts[byte - 1]!
  for (let i = 0; i < length; i++) links[starts[links[i]! & 0xff]!++]! |= i << 8

  let piece = Buffer.allocUnsafe(PIECE_BYTES)
  let at = 0
  let check = crc.value
  let position = links[origin]! >>> 8
  let previous = -1
  let equal = 0
  for (let i = 0; i < length; i++) {
    const link = links[position]!
    const byte = link & 0xff
    position = link >>> 8
    let repeat = 1
    let value = byte
    if (equal === 4) {
      repeat = byte
      value = previous
      equal = 0
    } else {
      equal = byte === previous ? equal + 1 : 1
      previous = byte
    }
    while (repeat-- > 0) {
      piece[at++] = value
      check = (check << 8) ^ CRC_TABLE[((check >>> 24) ^ value) & 0xff]!
      if (at < PIECE_BYTES) continue
      yield piece
      piece = Buffer.allocUnsafe(PIECE_BYTES)
      at = 0
    }
  }
  crc.value = check
  if (at > 0) yield piece.subarray(0, at)
}

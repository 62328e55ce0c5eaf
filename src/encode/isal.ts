/**
 * Hot path: once per block. ISA-L's one-shot deflate (libisal2, https://github.com/intel/isa-l) called through koffi, a package
 * with prebuilt binaries, so that no compiler is needed. Both are optional; whoever asks learns why they cannot be had.
 *
 * The library keeps pointers in its struct across the call, so everything it sees lives in memory from malloc, one area per
 * thread; blocks are copied in and out. It must never get the address of a JavaScript Buffer.
 */
import { isMainThread } from 'node:worker_threads'
import { crc32, inflateRawSync } from 'node:zlib'
import { type Koffi, loadKoffi } from '../lib/koffi.ts'
import type { Deflated } from './deflate.ts'

export interface IsalDeflate {
  /** Library as it was found. */
  readonly file: string
  /** Undefined for a block that is too large (ISAL_INPUT_BYTES) or that the library refuses. */
  deflate(raw: Uint8Array): Deflated | undefined
}

/** Names by which the dynamic linker finds ABI 2 of the library. */
const LIBRARY_FILES = ['libisal.so.2', 'libisal.2.dylib', '/opt/homebrew/lib/libisal.2.dylib', '/usr/local/lib/libisal.so.2']

/** Offsets in `struct isal_zstream` of igzip_lib.h, 2.30, on 64-bit machines; `passesSelfTest` refuses a library with other ones. */
const STREAM = {
  nextIn: 0,
  availIn: 8,
  nextOut: 16,
  availOut: 24,
  totalOut: 28,
  level: 40,
  levelBufferSize: 44,
  levelBuffer: 48,
  flush: 58,
  bytes: 82384
} as const
/** Ends each block on a byte boundary, with no reference to anything before it. */
const FULL_FLUSH = 2
const OK = 0
/** ISA-L's own levels go to 3; 2 makes blocks 0.2 to 0.3 % smaller and takes 3 to 6 % longer (docs/decisions/0006-native-deflate.md). */
const LEVEL = 1
/** ISAL_DEF_LVL2_DEFAULT of igzip_lib.h: hash table and 64 Ki tokens; more than level 1 asks for, so that a block has one set of codes. */
const LEVEL_BUFFER_BYTES = 331_776
/** Largest block; a full output of a lane and its last line are less. */
export const ISAL_INPUT_BYTES = 384 * 1024
/** Incompressible bytes are stored with a header per 64 KiB, so this is more than enough. */
const OUTPUT_BYTES = ISAL_INPUT_BYTES + 4096

/** RFC 1951 section 3.2.4: not final, stored, length 0. */
const EMPTY_STORED_BLOCK = [0x00, 0x00, 0x00, 0xff, 0xff]
/** Empty and final, so that inflating ends without a complaint. */
const FINAL_BLOCK = Buffer.from([0x03, 0x00])

const STREAM_AT = 0
/** Room behind the struct that must stay as it is: a library with a larger one is found out before it does harm. */
const LEVEL_BUFFER_AT = 128 * 1024
const INPUT_AT = LEVEL_BUFFER_AT + LEVEL_BUFFER_BYTES
const OUTPUT_AT = INPUT_AT + ISAL_INPUT_BYTES
const AREA_BYTES = OUTPUT_AT + OUTPUT_BYTES
const CANARY = 0xa5

type Loaded = IsalDeflate | { reason: string }
let loaded: Loaded | undefined

/** The library for the calling thread, loaded and tried out at the first call; or why there is none. */
export function loadIsal(): Loaded {
  loaded ??= load()
  return loaded
}

function load(): Loaded {
  const koffi = loadKoffi()
  if (koffi === undefined) return { reason: 'the package koffi is not installed for this platform' }
  if (koffi.sizeof('void *') !== 8) return { reason: 'the machine is not a 64-bit one' }
  for (const file of LIBRARY_FILES) {
    let library: ReturnType<Koffi['load']>
    try {
      library = koffi.load(file)
    } catch {
      continue
    }
    return bind(koffi, library, file)
  }
  return { reason: 'libisal.so.2 is not installed' }
}

function bind(koffi: Koffi, library: ReturnType<Koffi['load']>, file: string): Loaded {
  try {
    const isal = new Isal(koffi, library, file)
    return isal.passesSelfTest() ? isal : { reason: `${file} does not work as version 2.30 does` }
  } catch (error) {
    return { reason: `${file} cannot be used: ${(error as Error).message}` }
  }
}

class Isal implements IsalDeflate {
  readonly file: string
  readonly #bytes: Uint8Array
  readonly #fields: DataView
  readonly #stream: bigint
  readonly #init: (stream: bigint) => void
  readonly #deflate: (stream: bigint) => number
  readonly #crc32: (seed: number, at: bigint, length: number) => number

  constructor(koffi: Koffi, library: ReturnType<Koffi['load']>, file: string) {
    this.file = file
    this.#init = library.func('void isal_deflate_stateless_init(void *stream)')
    this.#deflate = library.func('int isal_deflate_stateless(void *stream)')
    this.#crc32 = library.func('uint32_t crc32_gzip_refl(uint32_t seed, const void *bytes, uint64_t length)')
    const area = koffi.alloc('uint8_t', AREA_BYTES)
    const view = koffi.view(area, AREA_BYTES)
    this.#stream = koffi.address(area)
    this.#bytes = new Uint8Array(view)
    this.#fields = new DataView(view)
    this.#bytes.fill(CANARY, STREAM_AT + STREAM.bytes, LEVEL_BUFFER_AT)
    // Lanes come and go with each reload, and malloc knows nothing of threads that ended.
    if (!isMainThread) process.once('exit', () => koffi.free(area))
  }

  deflate(raw: Uint8Array): Deflated | undefined {
    if (raw.length > ISAL_INPUT_BYTES) return undefined
    const base = this.#stream
    const fields = this.#fields
    this.#bytes.set(raw, INPUT_AT)
    this.#init(base)
    fields.setBigUint64(STREAM.nextIn, base + BigInt(INPUT_AT), true)
    fields.setUint32(STREAM.availIn, raw.length, true)
    fields.setBigUint64(STREAM.nextOut, base + BigInt(OUTPUT_AT), true)
    fields.setUint32(STREAM.availOut, OUTPUT_BYTES - EMPTY_STORED_BLOCK.length, true)
    fields.setUint32(STREAM.level, LEVEL, true)
    fields.setUint32(STREAM.levelBufferSize, LEVEL_BUFFER_BYTES, true)
    fields.setBigUint64(STREAM.levelBuffer, base + BigInt(LEVEL_BUFFER_AT), true)
    fields.setUint16(STREAM.flush, FULL_FLUSH, true)
    if (this.#deflate(base) !== OK || fields.getUint32(STREAM.availIn, true) !== 0) return undefined
    const length = this.#endInFlush(fields.getUint32(STREAM.totalOut, true))
    return {
      bytes: new Uint8Array(this.#bytes.subarray(OUTPUT_AT, OUTPUT_AT + length)),
      deflatedCrc32: this.#crc32(0, base + BigInt(OUTPUT_AT), length),
      crc32: this.#crc32(0, base + BigInt(INPUT_AT), raw.length)
    }
  }

  /**
   * What does not compress is stored, and then, unlike a compressed block, without the flush that was asked for. It ends on a
   * byte boundary all the same, so an empty stored block is appended. Returns the length of the block then.
   */
  #endInFlush(length: number): number {
    const bytes = this.#bytes
    const end = OUTPUT_AT + length
    if (length >= 4 && bytes[end - 1] === 0xff && bytes[end - 2] === 0xff && bytes[end - 3] === 0 && bytes[end - 4] === 0) return length
    bytes.set(EMPTY_STORED_BLOCK, end)
    return length + EMPTY_STORED_BLOCK.length
  }

  /** Whether a block of every kind comes back as it was, with its CRC, and the struct is not larger than thought. */
  passesSelfTest(): boolean {
    const lines = Buffer.from('CEF:0|vendor|product|1|2|name|3|src=10.0.0.1 dst=192.0.2.7 out=4711\n'.repeat(3000))
    const noise = Buffer.from(Uint8Array.from({ length: 70_000 }, (_, i) => (Math.imul(i + 1, 0x9e3779b1) >>> 13) ^ (i >>> 3)))
    return (
      [lines, noise].every(raw => this.#returns(raw)) && this.#bytes.subarray(STREAM.bytes, LEVEL_BUFFER_AT).every(byte => byte === CANARY)
    )
  }

  #returns(raw: Buffer): boolean {
    const made = this.deflate(raw)
    if (made === undefined || made.crc32 !== crc32(raw) || made.deflatedCrc32 !== crc32(made.bytes)) return false
    return inflateRawSync(Buffer.concat([made.bytes, FINAL_BLOCK]), { maxOutputLength: raw.length }).equals(raw)
  }
}

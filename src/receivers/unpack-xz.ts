/**
 * xz (every stream of a file, padding between them included) by liblzma, the library of the format's authors, called through
 * koffi like ISA-L is: Debian's package manager itself needs the library, so it is there. It checks every checksum of the format
 * and tells how much memory a file wants before it takes it.
 *
 * Everything the library sees lives in memory from malloc, one area per file; it never gets the address of a JavaScript Buffer.
 * It runs on the thread that calls it, 64 KiB at a time.
 */
import { Buffer } from 'node:buffer'
import { type Koffi, loadKoffi } from '../lib/koffi.ts'
import { type ChunkReader, UnpackError } from './unpack-reader.ts'

/** Names by which the dynamic linker finds ABI 5 of the library. */
const LIBRARY_FILES = ['liblzma.so.5', 'liblzma.5.dylib', '/opt/homebrew/lib/liblzma.5.dylib']

/** What any file may have: `xz -6`, the default, wants 9 MiB. */
const MEMORY_BYTES = 10 * 1024 * 1024
/** What so many files at a time may have, the next waits: `xz -9` wants 65 MiB, and no level wants more. */
const LARGE_MEMORY_BYTES = 66 * 1024 * 1024
const LARGE_FILES_MAX = 4

/** Offsets in `lzma_stream` of lzma/base.h, part of the library's ABI since 5.0, on 64-bit machines. */
const STREAM = { nextIn: 0, availIn: 8, nextOut: 24, availOut: 32, bytes: 136 } as const
const INPUT_AT = 256
const INPUT_BYTES = 64 * 1024
const OUTPUT_AT = INPUT_AT + INPUT_BYTES
const OUTPUT_BYTES = 64 * 1024
const AREA_BYTES = OUTPUT_AT + OUTPUT_BYTES

/** Flags of lzma/container.h: several streams, and a checksum that this build of the library cannot compute is a fault. */
const CONCATENATED = 0x08
const TELL_UNSUPPORTED_CHECK = 0x02
/** `lzma_action` and `lzma_ret` of lzma/base.h. */
const RUN = 0
const FINISH = 3
const OK = 0
const STREAM_END = 1
const UNSUPPORTED_CHECK = 3
const MEMORY_ERROR = 5
const MEMORY_LIMIT_ERROR = 6
const OPTIONS_ERROR = 8
/** No step forward was possible twice: with FINISH, the file ends too early. */
const BUFFER_ERROR = 10

interface Lzma {
  koffi: Koffi
  begin(stream: bigint, memoryMaxBytes: bigint, flags: number): number
  code(stream: bigint, action: number): number
  memoryWanted(stream: bigint): number | bigint
  allowMemory(stream: bigint, maxBytes: bigint): number
  end(stream: bigint): void
}

let loaded: Lzma | { reason: string } | undefined

/** Rejects with UnpackError, also where the library cannot be had. `libraries`: its names, for tests. */
export async function* unxzed(reader: ChunkReader, libraries?: readonly string[]): AsyncGenerator<Buffer> {
  const lzma = libraries === undefined ? (loaded ??= load(LIBRARY_FILES)) : load(libraries)
  if ('reason' in lzma) {
    throw new UnpackError('unsupported', `xz is not read here, ${lzma.reason}; send it as gzip (xz -dc FILE | gzip > FILE.gz)`)
  }
  const decoder = new Decoder(lzma)
  try {
    for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
      for (let at = 0; at < chunk.length; at += INPUT_BYTES) yield* decoder.push(chunk.subarray(at, at + INPUT_BYTES))
    }
    yield* decoder.finish()
  } finally {
    decoder.free()
  }
}

function load(files: readonly string[]): Lzma | { reason: string } {
  const koffi = loadKoffi()
  if (koffi === undefined) return { reason: 'the package koffi is not installed for this platform' }
  if (koffi.sizeof('void *') !== 8) return { reason: 'the machine is not a 64-bit one' }
  for (const file of files) {
    try {
      const library = koffi.load(file)
      return {
        koffi,
        begin: library.func('int lzma_stream_decoder(void *stream, uint64_t memlimit, uint32_t flags)'),
        code: library.func('int lzma_code(void *stream, int action)'),
        memoryWanted: library.func('uint64_t lzma_memusage(const void *stream)'),
        allowMemory: library.func('int lzma_memlimit_set(void *stream, uint64_t memlimit)'),
        end: library.func('void lzma_end(void *stream)')
      }
    } catch {
      // the next name
    }
  }
  return { reason: 'liblzma.so.5 (of the package liblzma5) is not installed' }
}

/** Places for files that want much memory. */
const places = { free: LARGE_FILES_MAX, waiting: [] as (() => void)[] }

async function takePlace(): Promise<void> {
  if (places.free > 0) places.free--
  else await new Promise<void>(resolve => places.waiting.push(resolve))
}

function givePlaceBack(): void {
  const next = places.waiting.shift()
  if (next === undefined) places.free++
  else next()
}

/** One file. `free` must be called, and nothing after it. */
class Decoder {
  readonly #lzma: Lzma
  readonly #area: unknown
  readonly #bytes: Buffer
  readonly #stream: bigint
  #hasPlace = false

  constructor(lzma: Lzma) {
    this.#lzma = lzma
    this.#area = lzma.koffi.alloc('uint8_t', AREA_BYTES)
    this.#bytes = Buffer.from(lzma.koffi.view(this.#area, AREA_BYTES))
    this.#stream = lzma.koffi.address(this.#area)
    this.#bytes.fill(0, 0, STREAM.bytes) // LZMA_STREAM_INIT
    const code = lzma.begin(this.#stream, BigInt(MEMORY_BYTES), CONCATENATED | TELL_UNSUPPORTED_CHECK)
    if (code === OK) return
    this.free()
    throw faultOf(code)
  }

  /** What comes out of up to INPUT_BYTES more. */
  async *push(piece: Buffer): AsyncGenerator<Buffer> {
    piece.copy(this.#bytes, INPUT_AT)
    this.#setInput(piece.length)
    while (this.#bytes.readBigUInt64LE(STREAM.availIn) > 0n) {
      await this.#step(RUN)
      yield* this.#output()
    }
  }

  /** What is left, once all is pushed. */
  async *finish(): AsyncGenerator<Buffer> {
    this.#setInput(0)
    for (let code = OK; code !== STREAM_END; ) {
      code = await this.#step(FINISH)
      yield* this.#output()
    }
  }

  free(): void {
    this.#lzma.end(this.#stream)
    this.#lzma.koffi.free(this.#area)
    if (this.#hasPlace) givePlaceBack()
  }

  #setInput(length: number): void {
    this.#bytes.writeBigUInt64LE(this.#stream + BigInt(INPUT_AT), STREAM.nextIn)
    this.#bytes.writeBigUInt64LE(BigInt(length), STREAM.availIn)
  }

  async #step(action: number): Promise<number> {
    this.#bytes.writeBigUInt64LE(this.#stream + BigInt(OUTPUT_AT), STREAM.nextOut)
    this.#bytes.writeBigUInt64LE(BigInt(OUTPUT_BYTES), STREAM.availOut)
    const code = this.#lzma.code(this.#stream, action)
    if (code === OK || code === STREAM_END) return code
    if (code !== MEMORY_LIMIT_ERROR || this.#hasPlace) throw faultOf(code)
    await this.#allowMore()
    return OK
  }

  /** The library goes on from where it found that it has too little memory. */
  async #allowMore(): Promise<void> {
    const wanted = Number(this.#lzma.memoryWanted(this.#stream))
    if (wanted > LARGE_MEMORY_BYTES) {
      throw new UnpackError('limit', `the xz file wants ${Math.ceil(wanted / 1024 ** 2)} MiB of memory to unpack, more than xz -9 does`)
    }
    await takePlace()
    this.#hasPlace = true
    this.#lzma.allowMemory(this.#stream, BigInt(LARGE_MEMORY_BYTES))
  }

  *#output(): Generator<Buffer> {
    const length = OUTPUT_BYTES - Number(this.#bytes.readBigUInt64LE(STREAM.availOut))
    if (length > 0) yield Buffer.from(this.#bytes.subarray(OUTPUT_AT, OUTPUT_AT + length))
  }
}

function faultOf(code: number): UnpackError {
  if (code === BUFFER_ERROR) return new UnpackError('damaged', 'the xz file ends in the middle')
  if (code === MEMORY_ERROR) return new UnpackError('limit', 'there is no memory to unpack the xz file')
  if (code === MEMORY_LIMIT_ERROR) return new UnpackError('limit', 'the xz file wants more memory to unpack than any of xz -9 does')
  if (code === UNSUPPORTED_CHECK) return new UnpackError('unsupported', 'the xz file has a kind of checksum that liblzma does not know')
  if (code === OPTIONS_ERROR) return new UnpackError('unsupported', 'the xz file was packed by a filter that liblzma does not know')
  return new UnpackError('damaged', 'the xz file is damaged, or has something else after it')
}

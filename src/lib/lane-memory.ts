/**
 * Hot path. The memory of this thread in which a lane reads frames and writes lines, and the code that does it sixteen bytes at a time
 * (WebAssembly, from src/lib/simd; docs/decisions/0011-vector-code.md). A block of frames is copied in, at the offsets it has;
 * addresses of the code are offsets of `laneBytes`.
 *
 *   0 ………………… SCRATCH_START ………………… SCRATCH_END ………………………………
 *   │ the block at hand │ scratch of the parser │ regions that their users reserved
 *
 * The memory has its whole size from the start, since growing would take the buffer away from all that hold it; pages that nobody writes to cost
 * nothing. It is the thread's and not an engine's, as parsers and what they learn are.
 */
import { fastPaths } from './fast-paths.ts'
import { DATA_BYTES } from './frame-block.ts'
import { SIMD_CODE } from './simd/code.ts'

const PAGE_BYTES = 64 * 1024
const MEMORY_PAGES = 112

/** What src/lib/simd exports, with addresses in bytes. */
export interface VectorCode {
  /** src/lib/simd/fit.ts */
  fit(parts: number, lastPart: number, placed: number, escape: number, start: number, end: number, found: number): number
  /** src/lib/simd/write.ts */
  writeLine(steps: number, stepsEnd: number, out: number): number
  /** src/lib/simd/find.ts */
  lastOf(start: number, end: number, byte: number): number
  /** src/lib/simd/rows.ts */
  columns(start: number, end: number, separator: number, quote: number, wanted: number, found: number): number
  places(start: number, end: number, byte: number, wanted: number, found: number): number
  words(start: number, end: number, wanted: number, starts: number, ends: number): number
  /** src/lib/simd/squid.ts; 1 when the row was read. */
  squidRow(start: number, end: number, codes: number, methods: number, peers: number, found: number): number
  /** src/lib/simd/values.ts */
  placeOf(start: number, end: number): number
  /** src/lib/simd/texts.ts */
  plainTexts(record: number): number
  /** src/lib/simd/url.ts */
  joinUrl(isSecure: number, host: number, hostEnd: number, path: number, pathEnd: number, to: number, found: number): number
}

/** What is used of WebAssembly; Node's types do not have it. */
interface WebAssemblyApi {
  Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer }
  Module: new (code: Uint8Array) => object
  Instance: new (module: object, imports: Record<string, Record<string, unknown>>) => { readonly exports: unknown }
}
const { buffer, code } = newMemory()

/** Where the machine or V8 has no vector instructions, it is memory like any other and there is no code. */
function newMemory(): { buffer: ArrayBuffer; code: VectorCode | undefined } {
  try {
    const { Memory, Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly
    const memory = new Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES })
    const { exports } = new Instance(new Module(Buffer.from(SIMD_CODE, 'base64')), { env: { memory } })
    return { buffer: memory.buffer, code: exports as VectorCode }
  } catch {
    return { buffer: new ArrayBuffer(MEMORY_PAGES * PAGE_BYTES), code: undefined }
  }
}

/** Where what is not in a frame as it should be is written while its record is at hand. */
export const SCRATCH_START = DATA_BYTES
export const SCRATCH_END = SCRATCH_START + 64 * 1024

/** All of it. */
export const laneBytes: Buffer = Buffer.from(buffer)
/** Undefined where there are no vector instructions: everything is then done by the plain ways. */
export const vectorCode: VectorCode | undefined = code

/** True when vector code can read and write here. */
export const isVectorMemory = (buf: Uint8Array): boolean => buf === laneBytes && code !== undefined && fastPaths.isOn

let reserved = SCRATCH_END

/**
 * Address of so many bytes that are the caller's from now on, 16 bytes aligned. For modules, when they are loaded. Throws when there is no
 * room: MEMORY_PAGES is then to be raised.
 */
export function reserveLaneMemory(bytes: number): number {
  const at = (reserved + 15) & ~15
  const end = at + bytes
  if (end > buffer.byteLength) throw new Error(`The memory of a lane has ${buffer.byteLength} bytes; ${end} would be reserved`)
  reserved = end
  return at
}

/** Float64s from an address on. */
export const laneFloats = (at: number, count: number): Float64Array => new Float64Array(buffer, at, count)

/** Int32s from an address on. */
export const laneInts = (at: number, count: number): Int32Array => new Int32Array(buffer, at, count)

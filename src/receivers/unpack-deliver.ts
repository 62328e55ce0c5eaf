/**
 * One uploaded or dropped file on its way to an intake: unpacked while it is read, held back at first, confirmed at its end.
 *
 * Holding back: a transfer that breaks off should leave nothing, but files may be larger than memory. So the first bytes (of
 * the unpacked content) are held, and nothing goes to the intake before the file has ended or is longer than that. A file
 * within the bound is all or nothing, damage of its compression included. A longer one that breaks off leaves its whole
 * lines counted: they are on their way already; its partial last line is thrown away and the transfer is reported as aborted.
 */
import { Buffer } from 'node:buffer'
import Type from 'typebox'
import type { Framing, Intake } from '../contracts.ts'
import { type UnpackLimits, UnpackOptions, unpacked } from './unpack.ts'

/** Options of receivers that take files. */
export const FileOptions = {
  ...UnpackOptions,
  format: Type.Union([Type.Literal('auto'), Type.Literal('lines'), Type.Literal('json')], {
    description: 'Content of files: lines, or JSON (an array, or objects); auto tells them apart by the first bytes.',
    default: 'auto'
  }),
  heldMaxBytes: Type.Integer({
    description:
      'Files up to so many bytes (unpacked) are taken whole or not at all; of longer ones that break off, the whole lines received by then stay. Held in memory, all files together up to sixteen times as much.',
    default: 4 * 1024 * 1024,
    minimum: 0
  }),
  roomTimeoutMs: Type.Integer({
    description: 'Longest wait for room in the middle of a file before it is given up.',
    default: 60_000,
    minimum: 1
  })
}

export interface FileDeliveryOptions extends UnpackLimits {
  format: 'auto' | 'lines' | 'json'
  heldMaxBytes: number
  roomTimeoutMs: number
}

/** The file was read, but what it holds could not be made durable: the sender should come again. */
export class DeliveryError extends Error {
  readonly why: 'commit' | 'room'

  constructor(why: 'commit' | 'room', message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'DeliveryError'
    this.why = why
  }
}

const BLOCK_BYTES = 64 * 1024
const FILES_HELD = 16

/** Bytes that all files of a receiver hold together. */
export class HoldBudget {
  readonly #maxBytes: number
  heldBytes = 0

  constructor(heldMaxBytesPerFile: number) {
    this.#maxBytes = heldMaxBytesPerFile * FILES_HELD
  }

  /** False when there is no more. */
  take(bytes: number): boolean {
    if (this.heldBytes + bytes > this.#maxBytes) return false
    this.heldBytes += bytes
    return true
  }

  release(bytes: number): void {
    this.heldBytes -= bytes
  }
}

/** Copies of the first bytes, packed tightly: pieces may be tiny, and each costs more than its bytes. */
class HeldBytes {
  readonly #maxBytes: number
  readonly #budget: HoldBudget
  #blocks: Buffer[] = []
  #used = 0

  constructor(maxBytes: number, budget: HoldBudget) {
    this.#maxBytes = maxBytes
    this.#budget = budget
  }

  get size(): number {
    return this.#blocks.length === 0 ? 0 : (this.#blocks.length - 1) * BLOCK_BYTES + this.#used
  }

  /** Copies a piece; false, and nothing copied, when it does not fit. */
  add(piece: Buffer): boolean {
    if (this.size + piece.length > this.#maxBytes) return false
    const capacity = this.#blocks.length * BLOCK_BYTES
    const missing = Math.ceil(Math.max(0, this.size + piece.length - capacity) / BLOCK_BYTES)
    if (!this.#budget.take(missing * BLOCK_BYTES)) return false
    for (let at = 0; at < piece.length; ) {
      if (this.#blocks.length === 0 || this.#used === BLOCK_BYTES) {
        this.#blocks.push(Buffer.allocUnsafeSlow(BLOCK_BYTES))
        this.#used = 0
      }
      const copied = piece.copy(this.#blocks.at(-1)!, this.#used, at)
      this.#used += copied
      at += copied
    }
    return true
  }

  /** What is held, in order; it is held until `release`. */
  *pieces(): Generator<Buffer> {
    for (const [i, block] of this.#blocks.entries()) yield i < this.#blocks.length - 1 ? block : block.subarray(0, this.#used)
  }

  release(): void {
    this.#budget.release(this.#blocks.length * BLOCK_BYTES)
    this.#blocks = []
    this.#used = 0
  }
}

export interface DeliveryDeps {
  /** Called once, with the first bytes that leave the hold; never for an empty file. */
  open(framing: Framing): Intake
  budget: HoldBudget
  /** Called before and after a wait: for room, or because the sender is faster than it may be, which is no lack of room. */
  onWait?(isWaiting: boolean, isLimited: boolean): void
  /** Unpacked bytes as they come. */
  onBytes?(count: number): void
}

/**
 * Resolves when everything in the file is durable. Rejects with UnpackError, DeliveryError, or the error of `chunks` (a
 * transfer that broke off); the intake is aborted then, if it was opened at all.
 */
export async function deliver(chunks: AsyncIterable<Uint8Array>, options: FileDeliveryOptions, deps: DeliveryDeps): Promise<void> {
  const held = new HeldBytes(options.heldMaxBytes, deps.budget)
  let intake: Intake | undefined
  let isHolding = true
  const hand = async (piece: Buffer): Promise<void> => {
    intake ??= deps.open(framingOf(piece, options.format))
    const room = intake.accept(piece)
    if (room !== undefined) await waitForRoom(room, options.roomTimeoutMs, intake.debtMs(), deps)
  }
  const letGo = async (): Promise<void> => {
    isHolding = false
    for (const piece of held.pieces()) await hand(piece)
    held.release()
  }
  try {
    for await (const piece of unpacked(chunks, options)) {
      deps.onBytes?.(piece.length)
      if (isHolding && held.add(piece)) continue
      if (isHolding) await letGo()
      await hand(piece)
    }
    if (isHolding) await letGo()
  } catch (error) {
    intake?.abort()
    throw error
  } finally {
    held.release()
  }
  await intake?.end().catch(error => {
    throw new DeliveryError('commit', 'the lines could not be made durable', { cause: error })
  })
}

async function waitForRoom(room: Promise<void>, timeoutMs: number, debtMs: number, deps: Pick<DeliveryDeps, 'onWait'>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new DeliveryError('room', 'there is no room')), timeoutMs + debtMs)
  })
  deps.onWait?.(true, debtMs > 0)
  try {
    await Promise.race([room, late])
  } catch (error) {
    throw error instanceof DeliveryError ? error : new DeliveryError('commit', 'the lines were not taken', { cause: error })
  } finally {
    clearTimeout(timer)
    deps.onWait?.(false, debtMs > 0)
  }
}

/** A file whose first bytes are `{`, or `[` and then `{`, is JSON; lines may begin with a bracketed time. */
export function framingOf(first: Buffer, format: FileDeliveryOptions['format']): Framing {
  if (format !== 'auto') return format
  return /^(?:\xef\xbb\xbf)?\s*(?:\{|\[\s*\{)/.test(first.toString('latin1', 0, 256)) ? 'json' : 'lines'
}

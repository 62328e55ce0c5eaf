/**
 * Hot path: once per frame. Where a CEF or LEEF header begins in a frame, behind a tag or what a relay put before it, and whose it is. For
 * recognisers, and for the parsers that then read the header (`grammar/cef.ts`, `grammar/leef.ts`).
 */
import type { Frame } from '../contracts.ts'
import { matchesAt, needle } from '../lib/bytes.ts'
import { Repeated } from './values/repeated.ts'

/** How far from the start of a frame a format's mark is looked for. */
export const HEAD_BYTES = 300
const CEF = needle('CEF:')
const LEEF = needle('LEEF:')
/** The bytes of both marks. */
const [C, E, F, L, COLON] = [0x43, 0x45, 0x46, 0x4c, 0x3a]

/** Offset of `CEF:` in the head of the frame, or -1 where none is or `LEEF:` comes first; looked for once per frame. */
export function cefStart(frame: Frame): number {
  if (frame.cef === -2) findMark(frame)
  return frame.cef
}

/** Offset of `LEEF:` in the head of the frame, or -1 where none is or `CEF:` comes first; looked for once per frame. */
export function leefStart(frame: Frame): number {
  if (frame.leef === -2) findMark(frame)
  return frame.leef
}

/** From the body to the mark, as the last line had it: a tag that its sender repeats (a LEEF line after one: 2.9 to 2.7 µs in a lane). */
const toMark = new Repeated()
let isToCef = false
let markAfterBody = 0

/** Finds the mark of the body, else one that was taken for a part of its header. */
function findMark(frame: Frame): void {
  const { buf, start, body } = frame
  const end = Math.min(frame.end, start + HEAD_BYTES)
  frame.cef = frame.leef = -1
  if (matchesAt(buf, body, end, CEF)) frame.cef = body
  else if (matchesAt(buf, body, end, LEEF)) frame.leef = body
  else if (toMark.standsAt(buf, body, end)) {
    if (isToCef) frame.cef = body + markAfterBody
    else frame.leef = body + markAfterBody
  } else if (!findMarkIn(frame, body, end)) findMarkIn(frame, start, Math.min(end, body + LEEF.length))
}

/** As `headFind` for both marks, which end in a colon: only each fourth byte or so is looked at (300 to 90 ns). */
function findMarkIn(frame: Frame, start: number, end: number): boolean {
  const { buf, body } = frame
  let at = start + CEF.length - 1
  while (at < end) {
    const byte = buf[at]!
    if (byte !== COLON) at += byte === C || byte === L || byte === E || byte === F ? 1 : CEF.length
    else {
      const isCef = at - 3 >= start && matchesAt(buf, at - 3, end, CEF)
      const mark = isCef ? at - 3 : at - 4 >= start && matchesAt(buf, at - 4, end, LEEF) ? at - 4 : -1
      if (mark >= 0) {
        if (isCef) frame.cef = mark
        else frame.leef = mark
        if (mark >= body) {
          toMark.keep(buf, body, at + 1)
          isToCef = isCef
          markAfterBody = mark - body
        }
        return true
      }
      at += CEF.length
    }
  }
  return false
}

/** True when the frame's CEF header begins with this vendor (and product, when given): `Zscaler`, `NSSWeblog`. */
export function cefIs(frame: Frame, vendor: string, product?: string): boolean {
  return markedBy(frame, cefStart(frame), 4, vendor, product)
}

/** As `cefIs`, for LEEF. */
export function leefIs(frame: Frame, vendor: string, product?: string): boolean {
  return markedBy(frame, leefStart(frame), 5, vendor, product)
}

function markedBy(frame: Frame, mark: number, markLength: number, vendor: string, product: string | undefined): boolean {
  if (mark < 0) return false
  const { buf, end } = frame
  let at = mark + markLength
  while (at < end && buf[at] !== 0x7c && at - mark < 16) at++ // the version
  const vendorEnd = sameText(buf, at + 1, end, vendor)
  if (vendorEnd < 0 || buf[vendorEnd] !== 0x7c) return false
  if (product === undefined) return true
  return sameText(buf, vendorEnd + 1, end, product) >= 0
}

function sameText(buf: Uint8Array, start: number, end: number, word: string): number {
  if (start + word.length > end) return -1
  for (let i = 0; i < word.length; i++) if (buf[start + i] !== word.charCodeAt(i)) return -1
  return start + word.length
}

/** Version, vendor and product of the last line whose hash was asked for, and the hash (recognition of CEF 90 to 48 ns a line). */
const product = new Repeated()
let productHash = 0

/** For generic parsers of CEF and LEEF: a hash of version, vendor and product, by which specific parsers recognise their lines. */
export function productSignature(frame: Frame, mark: number): number {
  const { buf, end } = frame
  if (product.standsAt(buf, mark, end)) return productHash
  let hash = 0
  let pipes = 0
  let at = mark
  for (; at < end && at - mark < HEAD_BYTES; at++) {
    const byte = buf[at]!
    if (byte === 0x7c && ++pipes === 3) break
    hash = (Math.imul(hash, 31) + byte) | 0
  }
  if (pipes === 3) {
    product.keep(buf, mark, at + 1)
    productHash = hash
  }
  return hash
}

/**
 * Hot path: once per byte. ArcSight Common Event Format.
 *
 *   CEF:0|vendor|product|version|class|name|severity|extension
 *   extension = key "=" value { " " key "=" value }
 *
 * Values hold blanks, and products differ in how well they escape, so a key is taken only where word characters stand between a
 * blank and an unescaped `=`; an `=` whose word has other characters belongs to the value. The scan
 * remembers the last blank and reads the key when it meets the `=`.
 */

import type { KeyTable } from '../values/key-table.ts'
import { BACKSLASH, PLAIN, type Value } from '../values/line.ts'

/** Offsets of the seven header fields: field i is `starts[i]`…`ends[i]`; version, vendor, product, version, class, name, severity. */
export class CefHeader {
  readonly starts = new Int32Array(7)
  readonly ends = new Int32Array(7)
}

/** Reads the header that starts at `at` (on `CEF:`). Returns where the extension starts, or -1 when the pipes are missing. */
export function readCefHeader(buf: Uint8Array, at: number, end: number, header: CefHeader): number {
  let field = 0
  let start = at + 4
  while (start < end && buf[start] === 0x20) start++
  for (let p = start; p < end; p++) {
    const byte = buf[p]
    if (byte === 0x5c) p++
    else if (byte === 0x7c) {
      header.starts[field] = start
      header.ends[field] = p
      start = p + 1
      if (++field === 7) return start
    }
  }
  return -1
}

const KEY_BYTES = new Uint8Array(256)
for (const char of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-[],') KEY_BYTES[char.charCodeAt(0)] = 1

/** Scans an extension and sets the wanted values; of repeated keys the first non-empty one is kept. Returns how many. */
export function scanCefExtension(buf: Uint8Array, start: number, end: number, keys: KeyTable, values: readonly Value[]): number {
  let open: Value | undefined
  let escaped = false
  let found = 0
  let wordStart = start
  let wordIsKey = true
  for (let at = start; at < end; at++) {
    const byte = buf[at]!
    if (byte === 0x20 || byte === 0x09) {
      wordStart = at + 1
      wordIsKey = true
    } else if (byte === 0x3d) {
      if (wordIsKey && at > wordStart) {
        if (open !== undefined) open.set(open.start, trimEnd(buf, open.start, wordStart), escaped ? BACKSLASH : PLAIN)
        const index = keys.indexOf(buf, wordStart, at)
        open = undefined
        if (index >= 0) {
          const value = values[index]!
          if (value.start < 0 || value.end === value.start) {
            open = value
            value.set(at + 1, end, PLAIN)
            found++
          }
        }
        escaped = false
      }
      wordIsKey = false
    } else if (byte === 0x5c) {
      escaped = true
      wordIsKey = false
      at++
    } else if (KEY_BYTES[byte] === 0) wordIsKey = false
  }
  if (open !== undefined) open.set(open.start, trimEnd(buf, open.start, end), escaped ? BACKSLASH : PLAIN)
  return found
}

function trimEnd(buf: Uint8Array, start: number, end: number): number {
  let at = end
  while (at > start && (buf[at - 1] === 0x20 || buf[at - 1] === 0x09)) at--
  return at
}

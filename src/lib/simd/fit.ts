/**
 * Hot path: once per frame. A line read by a layout (src/parse/grammar/layout.ts): literals compared sixteen bytes at a time, holes
 * scanned for what ends them.
 */
import { blanks, controls, marksOfCef, marksOfQuoted } from './marks'
import {
  LAST_OF_CEF,
  NUMBER,
  PART_BYTES,
  PART_FIRST_EQUALS,
  PART_IS_WANTED,
  PART_LENGTH,
  PART_PLACED_END,
  PART_TERMINATOR,
  PLACED_BYTES,
  PLACED_END,
  PLACED_ESCAPE,
  TEXT_TO_END,
  TO_END,
  TO_NEXT_KEY,
  VECTOR_BYTES
} from './program'

const BLANK: u8 = 0x20
const QUOTE: u8 = 0x22
const EQUALS: u8 = 0x3d
const BACKSLASH: u8 = 0x5c
/** No frame and no value has this address. */
const NOWHERE: usize = -1

/** A backslash was met in the value scanned last. */
let sawEscape: bool = false

/**
 * Reads the line `start`…`end`. `parts`…`lastPart` and `placed`, the values in literals, are the layout; `escape` is what a backslash in a
 * value means. Writes the wanted values to `found` in their order and returns how many there are; -1 when the line does not fit.
 */
export function fit(parts: usize, lastPart: usize, placed: usize, escape: i32, start: usize, end: usize, found: usize): i32 {
  let at = start
  let to = found
  for (let part = parts; part <= lastPart; part += PART_BYTES) {
    const literalAt = at
    at += load<u32>(part, PART_LENGTH)
    if (at > end || !isLiteral(load<u32>(part), literalAt, at)) return -1
    for (const placedEnd: usize = load<u32>(part, PART_PLACED_END); placed < placedEnd; placed += PLACED_BYTES) {
      place(to, literalAt + load<u32>(placed), literalAt + load<u32>(placed, PLACED_END), load<i32>(placed, PLACED_ESCAPE))
      to += PLACED_BYTES
    }
    if (part === lastPart) break
    const valueStart = at
    const terminator = load<i32>(part, PART_TERMINATOR)
    sawEscape = false
    if (terminator === QUOTE) at = quotedEnd(at, end)
    else if (terminator === BLANK) at = load<u8>(at) === QUOTE ? NOWHERE : wordEnd(at)
    else if (terminator === TO_END) at = load<u8>(at) === QUOTE ? NOWHERE : atEnd(wordEnd(at), end)
    else if (terminator === TO_NEXT_KEY) at = nextKey(at, end, part + PART_BYTES)
    else if (terminator === LAST_OF_CEF) at = cefEnd(at, end)
    else if (terminator === NUMBER) at = numberEnd(at)
    else if (terminator === TEXT_TO_END) at = atEnd(textEnd(at), end)
    else {
      at = textEnd(at)
      if (load<u8>(at) !== terminator) return -1
    }
    if (at === NOWHERE) return -1
    if (load<i32>(part, PART_IS_WANTED) !== 0) {
      place(to, valueStart, at, sawEscape ? escape : 0)
      to += PLACED_BYTES
    }
  }
  return at === end ? <i32>((to - found) / PLACED_BYTES) : -1
}

function place(to: usize, start: usize, end: usize, escape: i32): void {
  store<u32>(to, <u32>start)
  store<u32>(to, <u32>end, PLACED_END)
  store<i32>(to, escape, PLACED_ESCAPE)
}

/** True when the bytes `at`…`end` are the literal's. What lies behind them is masked off; an empty literal has one vector as well. */
function isLiteral(literal: usize, at: usize, end: usize): bool {
  let others = others16(literal, at)
  while (at + VECTOR_BYTES < end) {
    at += VECTOR_BYTES
    literal += 2 * VECTOR_BYTES
    others = v128.or(others, others16(literal, at))
  }
  return !v128.any_true(others)
}

function others16(literal: usize, at: usize): v128 {
  return v128.and(v128.xor(v128.load(at), v128.load(literal)), v128.load(literal, VECTOR_BYTES))
}

function atEnd(at: usize, end: usize): usize {
  return at === end ? at : NOWHERE
}

/** Where a word ends: at the next byte that is no more than a blank. A line feed lies behind each frame. */
function wordEnd(at: usize): usize {
  let marks = blanks(at)
  while (marks === 0) marks = blanks((at += VECTOR_BYTES))
  return at + ctz(marks)
}

/** Where text ends: at the next control character. */
function textEnd(at: usize): usize {
  let marks = controls(at)
  while (marks === 0) marks = controls((at += VECTOR_BYTES))
  return at + ctz(marks)
}

/** Where the quote stands that ends the value. */
function quotedEnd(at: usize, end: usize): usize {
  while (true) {
    let marks = marksOfQuoted(at)
    while (marks === 0) marks = marksOfQuoted((at += VECTOR_BYTES))
    at += ctz(marks)
    const byte = load<u8>(at)
    if (byte === QUOTE) return at
    if (byte !== BACKSLASH || at + 2 > end) return NOWHERE
    sawEscape = true
    at += 2
  }
}

/** Where a JSON number of digits and a point ends. */
function numberEnd(at: usize): usize {
  let byte = load<u8>(at)
  if (byte !== 0x2d && (byte < 0x30 || byte > 0x39)) return NOWHERE
  do byte = load<u8>(++at)
  while ((byte >= 0x30 && byte <= 0x39) || byte === 0x2e)
  return at
}

/** End of the value at `start`, after which the next literal stands; nowhere when there is another key, or none. */
function nextKey(start: usize, end: usize, nextPart: usize): usize {
  const key: usize = load<u32>(nextPart)
  const keyLength: usize = load<u32>(nextPart, PART_FIRST_EQUALS)
  let escapedTo = start
  let at = start
  while (true) {
    let marks = marksOfCef(v128.load(at))
    while (marks === 0) marks = marksOfCef(v128.load((at += VECTOR_BYTES)))
    at += ctz(marks)
    const byte = load<u8>(at)
    if (byte === EQUALS) {
      const valueEnd = at - keyLength
      if (isKey(key, valueEnd, at))
        return valueEnd > start && valueEnd >= escapedTo && load<u8>(valueEnd - 1) !== BLANK ? valueEnd : NOWHERE
      let word = at - 1
      while (isKeyByte(load<u8>(word))) word--
      if (load<u8>(word) === BLANK) return NOWHERE
    } else if (byte === BACKSLASH) {
      sawEscape = true
      escapedTo = ++at + 1
      if (at >= end) return NOWHERE
    } else if (byte < BLANK) return NOWHERE
    at++
  }
}

/** True when the bytes `at`…`end` are those of the literal from its start on; it goes on after them. */
function isKey(literal: usize, at: usize, end: usize): bool {
  for (let from = 0; at < end; at++, from++) {
    const vector = from / VECTOR_BYTES
    if (load<u8>(at) !== load<u8>(literal + vector * VECTOR_BYTES + from)) return false
  }
  return true
}

/** Bytes of which keys of a CEF extension are made (src/parse/grammar/cef-key.ts). */
function isKeyByte(byte: u8): bool {
  const letter = byte | 0x20
  if (letter >= 0x61 && letter <= 0x7a) return true
  if (byte >= 0x30 && byte <= 0x39) return true
  return byte === 0x5f || byte === 0x2e || byte === 0x2d || byte === 0x5b || byte === 0x5d || byte === 0x2c
}

function cefEnd(start: usize, end: usize): usize {
  let at = start
  while (true) {
    let marks = marksOfCef(v128.load(at))
    while (marks === 0) marks = marksOfCef(v128.load((at += VECTOR_BYTES)))
    at += ctz(marks)
    if (load<u8>(at) !== BACKSLASH) break
    sawEscape = true
    at += 2
    if (at > end) return NOWHERE
  }
  return at === end && end > start && load<u8>(end - 1) !== BLANK ? end : NOWHERE
}

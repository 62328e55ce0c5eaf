/**
 * Hot path: once per record. GENERIC_CEF lines (record.md section 4.1).
 *
 *   CEF:0|vendor|product|version|traffic|Web traffic|1|rt=… src=… suser=… … act=… request=…
 *
 * Values escape `\`, `=`, LF and CR; absent values leave their key out; the URL stands last, as the riskiest value.
 */
import { ENCODED_LINE_MAX_BYTES, type Encoder } from '../contracts.ts'
import { isVectorMemory, laneBytes } from '../lib/lane-memory.ts'
import {
  ACTION_ALLOWED,
  ACTION_BLOCKED,
  DEVICE,
  DST_HOST,
  DST_IP,
  DST_PORT,
  type RecordFields,
  SRC_IP,
  type TextField,
  TIME,
  UPLOADED,
  URL,
  USER
} from '../record.ts'
import { type Attribute, downloadedOrTotal, type EncodeOptions, keyOf } from './options.ts'
import {
  FIRST_LITERAL_CELL,
  NUMBER_CELL,
  numberAt,
  SECOND_LITERAL_CELL,
  setLiteralCells,
  setNumberCell,
  setTextCell,
  TEXT_CELL,
  textAt,
  VectorLine
} from './vector-line.ts'
import { DateAndClock, monthDate, writeBytes, writeNumber } from './write.ts'

const BACKSLASH = 0x5c

/** The values of a line in their order, and where each lies. */
const VALUES = {
  time: { kind: 'number', value: numberAt(TIME) },
  src: { kind: 'text', value: textAt(SRC_IP) },
  suser: { kind: 'text', value: textAt(USER) },
  shost: { kind: 'text', value: textAt(DEVICE) },
  dst: { kind: 'text', value: textAt(DST_IP) },
  dpt: { kind: 'number', value: numberAt(DST_PORT) },
  dhost: { kind: 'text', value: textAt(DST_HOST) },
  down: { kind: 'number', value: NUMBER_CELL },
  up: { kind: 'number', value: numberAt(UPLOADED) },
  allowed: { kind: 'literal', value: FIRST_LITERAL_CELL },
  blocked: { kind: 'literal', value: SECOND_LITERAL_CELL },
  request: { kind: 'text', value: TEXT_CELL }
} as const
type ValueName = keyof typeof VALUES

/** What stands before each value; empty where the configuration leaves it out. */
function literalsOf(options: EncodeOptions): Record<ValueName, string> {
  const header = (text: string): string => text.replace(/[\r\n]+/g, ' ').replace(/[\\|]/g, '\\$&')
  const key = (attribute: Attribute, own: string, value = ''): string => {
    const name = keyOf(options, attribute, own)
    return name === null ? '' : ` ${name}=${value}`
  }
  const { vendor = 'Sluice', product = 'Collector', version = '1' } = options
  const swapped = options.direction === 'in-is-upload'
  return {
    time: `CEF:0|${header(vendor)}|${header(product)}|${header(version)}|traffic|Web traffic|1|${keyOf(options, 'time', 'rt') ?? 'rt'}=`,
    src: key('srcIp', 'src'),
    suser: key('user', 'suser'),
    shost: key('device', 'shost'),
    dst: key('dstIp', 'dst'),
    dpt: key('dstPort', 'dpt'),
    dhost: key('dstHost', 'dhost'),
    down: key('downloadedBytes', swapped ? 'out' : 'in'),
    up: key('uploadedBytes', swapped ? 'in' : 'out'),
    allowed: key('action', 'act', 'allowed'),
    blocked: key('action', 'act', 'blocked'),
    request: key('url', 'request')
  }
}

export function cefEncoder(options: EncodeOptions = {}): Encoder {
  const literals = literalsOf(options)
  const names = Object.keys(VALUES) as ValueName[]
  const keys = Object.fromEntries(names.map(name => [name, Buffer.from(literals[name], 'utf8')])) as Record<ValueName, Buffer>
  const timeText = options.cefTime === 'text' ? new DateAndClock(monthDate) : null
  const steps = names.filter(name => literals[name] !== '').map(name => ({ ...VALUES[name], literal: literals[name] }))
  const vectorLine = timeText === null ? VectorLine.of(steps) : undefined
  const { totalOnly } = options
  return {
    format: 'cef',
    prelude: Buffer.alloc(0),
    encode(record, out, start) {
      const { numbers } = record
      const down = downloadedOrTotal(record, totalOnly)
      let at: number
      if (out === laneBytes && record.isInLane && isVectorMemory(record.buf) && numbers[TIME]! >= 0 && vectorLine?.isAlive)
        at = writeByVectors(record, down, vectorLine, start)
      else {
        at = writeBytes(keys.time, out, start)
        at = timeText === null ? writeNumber(numbers[TIME]!, out, at) : timeText.write(numbers[TIME]!, out, at)
        at = writeText(record, SRC_IP, keys.src, out, at)
        at = writeText(record, USER, keys.suser, out, at)
        at = writeText(record, DEVICE, keys.shost, out, at)
        at = writeText(record, DST_IP, keys.dst, out, at)
        at = writeCount(numbers[DST_PORT]!, keys.dpt, out, at)
        at = writeText(record, DST_HOST, keys.dhost, out, at)
        at = writeCount(down, keys.down, out, at)
        at = writeCount(numbers[UPLOADED]!, keys.up, out, at)
        if (record.action === ACTION_ALLOWED) at = writeBytes(keys.allowed, out, at)
        else if (record.action === ACTION_BLOCKED) at = writeBytes(keys.blocked, out, at)
        at = writeText(record, requestOf(record), keys.request, out, at)
        out[at++] = 0x0a
      }
      return at - start > ENCODED_LINE_MAX_BYTES ? -1 : at
    }
  }
}

/** Without a URL the host stands for it. */
const requestOf = (record: RecordFields): TextField => (record.start[URL]! >= 0 ? URL : DST_HOST)

function writeByVectors(record: RecordFields, down: number, line: VectorLine, at: number): number {
  setNumberCell(down)
  setLiteralCells(record.action === ACTION_ALLOWED, record.action === ACTION_BLOCKED)
  setTextCell(record, requestOf(record))
  return line.write(at)
}

function writeText(record: RecordFields, field: TextField, key: Uint8Array, out: Uint8Array, start: number): number {
  const from = record.start[field]!
  return from < 0 || key.length === 0 ? start : writeEscaped(record.buf, from, record.end[field]!, out, writeBytes(key, out, start))
}

function writeEscaped(buf: Uint8Array, from: number, end: number, out: Uint8Array, start: number): number {
  let at = start
  for (let p = from; p < end; p++) {
    const byte = buf[p]!
    if (byte === BACKSLASH || byte === 0x3d) out[at++] = BACKSLASH
    else if (byte === 0x0a || byte === 0x0d) {
      out[at++] = BACKSLASH
      out[at++] = byte === 0x0a ? 0x6e : 0x72
      continue
    }
    out[at++] = byte
  }
  return at
}

function writeCount(value: number, key: Uint8Array, out: Uint8Array, at: number): number {
  return value < 0 || key.length === 0 ? at : writeNumber(value, out, writeBytes(key, out, at))
}

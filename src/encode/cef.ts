/**
 * Hot path: once per record. GENERIC_CEF lines (record.md section 4.1).
 *
 *   CEF:0|vendor|product|version|traffic|Web traffic|1|rt=… src=… suser=… … act=… request=…
 *
 * Values escape `\`, `=`, LF and CR; absent values leave their key out; the URL stands last, as the riskiest value.
 */
import { ENCODED_LINE_MAX_BYTES, type Encoder } from '../contracts.ts'
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
import { copyUntilSpecial, DateAndClock, Literal, monthDate, writeNumber } from './write.ts'

const BACKSLASH = 0x5c

export function cefEncoder(options: EncodeOptions = {}): Encoder {
  const header = (text: string): string => text.replace(/[\r\n]+/g, ' ').replace(/[\\|]/g, '\\$&')
  const key = (attribute: Attribute, own: string, value = ''): Literal => {
    const name = keyOf(options, attribute, own)
    return new Literal(name === null ? '' : ` ${name}=${value}`)
  }
  const swapped = options.direction === 'in-is-upload'
  const head = new Literal(
    `CEF:0|${header(options.vendor ?? 'Sluice')}|${header(options.product ?? 'Collector')}|${header(options.version ?? '1')}|traffic|Web traffic|1|${keyOf(options, 'time', 'rt') ?? 'rt'}=`
  )
  const timeText = options.cefTime === 'text' ? new DateAndClock(monthDate) : null
  const keys = {
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
  const { totalOnly } = options
  return {
    format: 'cef',
    prelude: Buffer.alloc(0),
    encode(record, out, start) {
      const { numbers } = record
      let at = head.write(out, start)
      at = timeText === null ? writeNumber(numbers[TIME]!, out, at) : timeText.write(numbers[TIME]!, out, at)
      at = writeText(record, SRC_IP, keys.src, out, at)
      at = writeText(record, USER, keys.suser, out, at)
      at = writeText(record, DEVICE, keys.shost, out, at)
      at = writeText(record, DST_IP, keys.dst, out, at)
      at = writeCount(numbers[DST_PORT]!, keys.dpt, out, at)
      at = writeText(record, DST_HOST, keys.dhost, out, at)
      at = writeCount(downloadedOrTotal(record, totalOnly), keys.down, out, at)
      at = writeCount(numbers[UPLOADED]!, keys.up, out, at)
      if (record.action === ACTION_ALLOWED) at = keys.allowed.write(out, at)
      else if (record.action === ACTION_BLOCKED) at = keys.blocked.write(out, at)
      at = writeText(record, record.start[URL]! >= 0 ? URL : DST_HOST, keys.request, out, at)
      out[at++] = 0x0a
      return at - start > ENCODED_LINE_MAX_BYTES ? -1 : at
    }
  }
}

function writeText(record: RecordFields, field: TextField, key: Literal, out: Uint8Array, start: number): number {
  const from = record.start[field]!
  if (from < 0 || key.length === 0) return start
  const { buf } = record
  const end = record.end[field]!
  const at = key.write(out, start)
  const copied = copyUntilSpecial(buf, from, end, out, at)
  return copied === end - from ? at + copied : writeEscaped(buf, from + copied, end, out, at + copied)
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

function writeCount(value: number, key: Literal, out: Uint8Array, at: number): number {
  return value < 0 || key.length === 0 ? at : writeNumber(value, out, key.write(out, at))
}

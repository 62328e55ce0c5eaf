/**
 * Hot path: once per record. GENERIC_LEEF lines, LEEF 1.0 (record.md section 4.2). The format has no escaping: TAB, CR and LF
 * inside values become a blank.
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
import { DateAndClock, monthDate, writeBytes, writeNumber } from './write.ts'

const EMPTY = new Uint8Array(0)
const ALLOWED = Buffer.from('allowed')
const BLOCKED = Buffer.from('blocked')

export function leefEncoder(options: EncodeOptions = {}): Encoder {
  const header = (text: string): string => text.replace(/[|\t\r\n]+/g, ' ')
  const key = (attribute: Attribute, own: string): Uint8Array => {
    const name = keyOf(options, attribute, own)
    return name === null ? EMPTY : Buffer.from(`\t${name}=`)
  }
  const head = Buffer.from(
    `LEEF:1.0|${header(options.vendor ?? 'Sluice')}|${header(options.product ?? 'Collector')}|${header(options.version ?? '1')}|traffic|${keyOf(options, 'time', 'devTime') ?? 'devTime'}=`
  )
  const timeFormat = Buffer.from(' GMT\tdevTimeFormat=MMM dd yyyy HH:mm:ss z')
  const category = keyOf(options, 'action', 'action') === null ? EMPTY : Buffer.from('\tcat=')
  const keys = {
    src: key('srcIp', 'src'),
    user: key('user', 'usrName'),
    device: key('device', 'identHostName'),
    dst: key('dstIp', 'dst'),
    port: key('dstPort', 'dstPort'),
    host: key('dstHost', 'hostname'),
    up: key('uploadedBytes', 'srcBytes'),
    down: key('downloadedBytes', 'dstBytes'),
    action: key('action', 'action'),
    url: key('url', 'url')
  }
  const time = new DateAndClock(monthDate)
  const { totalOnly } = options
  return {
    format: 'leef',
    prelude: Buffer.alloc(0),
    encode(record, out, start) {
      const { numbers } = record
      const action = record.action === ACTION_ALLOWED ? ALLOWED : record.action === ACTION_BLOCKED ? BLOCKED : null
      let at = writeBytes(head, out, start)
      at = time.write(numbers[TIME]!, out, at)
      at = writeBytes(timeFormat, out, at)
      if (action !== null && category.length > 0) at = writeBytes(action, out, writeBytes(category, out, at))
      at = writeText(record, SRC_IP, keys.src, out, at)
      at = writeText(record, USER, keys.user, out, at)
      at = writeText(record, DEVICE, keys.device, out, at)
      at = writeText(record, DST_IP, keys.dst, out, at)
      at = writeCount(numbers[DST_PORT]!, keys.port, out, at)
      at = writeText(record, DST_HOST, keys.host, out, at)
      at = writeCount(numbers[UPLOADED]!, keys.up, out, at)
      at = writeCount(downloadedOrTotal(record, totalOnly), keys.down, out, at)
      if (action !== null && keys.action.length > 0) at = writeBytes(action, out, writeBytes(keys.action, out, at))
      at = writeText(record, record.start[URL]! >= 0 ? URL : DST_HOST, keys.url, out, at)
      out[at++] = 0x0a
      return at - start > ENCODED_LINE_MAX_BYTES ? -1 : at
    }
  }
}

function writeText(record: RecordFields, field: TextField, key: Uint8Array, out: Uint8Array, start: number): number {
  const from = record.start[field]!
  if (from < 0 || key.length === 0) return start
  const { buf } = record
  const end = record.end[field]!
  let at = writeBytes(key, out, start)
  for (let p = from; p < end; p++) {
    const byte = buf[p]!
    out[at++] = byte === 0x09 || byte === 0x0a || byte === 0x0d ? 0x20 : byte
  }
  return at
}

function writeCount(value: number, key: Uint8Array, out: Uint8Array, at: number): number {
  return value < 0 || key.length === 0 ? at : writeNumber(value, out, writeBytes(key, out, at))
}

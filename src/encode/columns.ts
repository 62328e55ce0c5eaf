/**
 * Hot path: once per record. The two column formats: GENERIC_W3C (record.md section 4.3) and the custom parser's CSV (4.4).
 * Every row has every column; what must not stand in a value is percent-encoded or becomes a blank, since readers disagree on
 * quotes.
 */
import { ENCODED_LINE_MAX_BYTES, type Encoder, type Format } from '../contracts.ts'
import {
  ACTION_ALLOWED,
  ACTION_BLOCKED,
  DEVICE,
  DOWNLOADED,
  DST_HOST,
  DST_IP,
  DST_PORT,
  type RecordFields,
  SRC_IP,
  type TextField,
  TIME,
  TOTAL,
  UPLOADED,
  URL,
  USER
} from '../record.ts'
import { type Attribute, downloadedOrTotal, type EncodeOptions, keyOf } from './options.ts'
import { DateAndClock, isoDate, writeBytes, writeNumber } from './write.ts'

const ALLOWED = Buffer.from('allowed')
const BLOCKED = Buffer.from('blocked')
const HEX = Buffer.from('0123456789ABCDEF')

/** What happens to a byte of a value: 0 kept, 1 percent-encoded, 2 becomes a blank. */
type ByteRule = Uint8Array

interface Column {
  attribute: Attribute
  name: string
}

interface Layout {
  format: Format
  separator: number
  absent: Uint8Array
  bytes: ByteRule
  time: DateAndClock
  columns: readonly Column[]
  prelude: (names: readonly string[]) => string
}

const W3C_COLUMNS: readonly Column[] = [
  { attribute: 'time', name: 'date time' },
  { attribute: 'srcIp', name: 'c-ip' },
  { attribute: 'user', name: 'cs-username' },
  { attribute: 'device', name: 'x-client-hostname' },
  { attribute: 'dstIp', name: 'r-ip' },
  { attribute: 'dstHost', name: 'cs-host' },
  { attribute: 'url', name: 'cs-uri' },
  { attribute: 'uploadedBytes', name: 'cs-bytes' },
  { attribute: 'downloadedBytes', name: 'sc-bytes' },
  { attribute: 'action', name: 's-action' }
]

const CSV_COLUMNS: readonly Column[] = [
  { attribute: 'time', name: 'timestamp' },
  { attribute: 'srcIp', name: 'src_ip' },
  { attribute: 'dstIp', name: 'dst_ip' },
  { attribute: 'url', name: 'dst_url' },
  { attribute: 'user', name: 'user' },
  { attribute: 'uploadedBytes', name: 'uploaded_bytes' },
  { attribute: 'downloadedBytes', name: 'downloaded_bytes' },
  { attribute: 'totalBytes', name: 'total_bytes' },
  { attribute: 'action', name: 'action' }
]

/** `#Version` and `#Fields` at the head of every file, blanks between columns, `-` for absent. */
export function w3cEncoder(options: EncodeOptions = {}): Encoder {
  const bytes = new Uint8Array(256).fill(1, 0, 0x21)
  bytes[0x7f] = 1
  return columnEncoder(
    {
      format: 'w3c',
      separator: 0x20,
      absent: Buffer.from('-'),
      bytes,
      time: new DateAndClock(isoDate),
      columns: W3C_COLUMNS,
      prelude: names => `#Version: 1.0\n#Fields: ${names.join(' ')}\n`
    },
    options
  )
}

/** A header row with the names typed in the portal, commas between columns, nothing for absent, no quoting. */
export function csvEncoder(options: EncodeOptions = {}): Encoder {
  const bytes = new Uint8Array(256)
  bytes[0x2c] = 1
  bytes[0x22] = 1
  for (const byte of [0x09, 0x0a, 0x0d]) bytes[byte] = 2
  return columnEncoder(
    {
      format: 'csv',
      separator: 0x2c,
      absent: Buffer.alloc(0),
      bytes,
      time: new DateAndClock(isoDate),
      columns: CSV_COLUMNS,
      prelude: names => `${names.join(',')}\n`
    },
    options
  )
}

function columnEncoder(layout: Layout, options: EncodeOptions): Encoder {
  const named = layout.columns.flatMap(column => {
    const name = keyOf(options, column.attribute, column.name)
    return name === null ? [] : [{ attribute: column.attribute, name }]
  })
  const attributes = named.map(column => column.attribute)
  const { separator } = layout
  return {
    format: layout.format,
    prelude: Buffer.from(layout.prelude(named.map(column => column.name))),
    encode(record, out, start) {
      let at = start
      for (let i = 0; i < attributes.length; i++) {
        if (i > 0) out[at++] = separator
        at = writeColumn(attributes[i]!, record, layout, options, out, at)
      }
      out[at++] = 0x0a
      return at - start > ENCODED_LINE_MAX_BYTES ? -1 : at
    }
  }
}

function writeColumn(
  attribute: Attribute,
  record: RecordFields,
  layout: Layout,
  options: EncodeOptions,
  out: Uint8Array,
  at: number
): number {
  const { numbers } = record
  switch (attribute) {
    case 'time':
      return layout.time.write(numbers[TIME]!, out, at)
    case 'srcIp':
      return writeText(record, SRC_IP, layout, out, at)
    case 'user':
      return writeText(record, USER, layout, out, at)
    case 'device':
      return writeText(record, DEVICE, layout, out, at)
    case 'dstIp':
      return writeText(record, DST_IP, layout, out, at)
    case 'dstHost':
      return writeText(record, DST_HOST, layout, out, at)
    case 'url':
      return writeText(record, record.start[URL]! >= 0 ? URL : DST_HOST, layout, out, at)
    case 'dstPort':
      return writeCount(numbers[DST_PORT]!, layout, out, at)
    case 'uploadedBytes':
      return writeCount(numbers[UPLOADED]!, layout, out, at)
    case 'downloadedBytes':
      return writeCount(layout.format === 'csv' ? numbers[DOWNLOADED]! : downloadedOrTotal(record, options.totalOnly), layout, out, at)
    case 'totalBytes':
      return writeCount(numbers[TOTAL]!, layout, out, at)
    case 'action':
      return writeBytes(record.action === ACTION_ALLOWED ? ALLOWED : record.action === ACTION_BLOCKED ? BLOCKED : layout.absent, out, at)
  }
}

function writeText(record: RecordFields, field: TextField, layout: Layout, out: Uint8Array, start: number): number {
  const from = record.start[field]!
  if (from < 0) return writeBytes(layout.absent, out, start)
  const { buf } = record
  const end = record.end[field]!
  const rules = layout.bytes
  let at = start
  for (let p = from; p < end; p++) {
    const byte = buf[p]!
    const rule = rules[byte]
    if (rule === 0) out[at++] = byte
    else if (rule === 2) out[at++] = 0x20
    else {
      out[at++] = 0x25
      out[at++] = HEX[byte >> 4]!
      out[at++] = HEX[byte & 15]!
    }
  }
  return at
}

function writeCount(value: number, layout: Layout, out: Uint8Array, at: number): number {
  return value < 0 ? writeBytes(layout.absent, out, at) : writeNumber(value, out, at)
}

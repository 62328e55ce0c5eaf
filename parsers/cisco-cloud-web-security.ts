/**
 * Cisco Cloud Web Security (ScanSafe): logs as its extraction service delivers them, the W3C extended format with TABs.
 * Format: Cisco "Cloud Web Security Log Extraction API" attributes. Columns follow the header: a `#Fields` directive, or a bare
 * row of names that begins with `datetime`. Times are UTC. `x-ss-…` are the product's own columns.
 */
import {
  action,
  anyTime,
  applyElff,
  ELFF_FIELDS,
  FieldTable,
  type Frame,
  isDirective,
  isPlaceholder,
  looksLikeRow,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  ownsDirective,
  type Parser,
  raw,
  readDirective,
  rowStart,
  scanRow,
  setNames,
  skip,
  text,
  time,
  UTC,
  W3cState
} from '../src/parse/kit.ts'
import { ACTION_BLOCKED, type RecordFields, TIME } from '../src/record.ts'

const ID = 'cisco-cloud-web-security'
const DATETIME = needle('datetime')

const table = new FieldTable({
  ...ELFF_FIELDS,
  datetime: raw(),
  'cs(X-Forwarded-For)': text('srcIp'),
  'x-ss-external-ip': text('srcIp'),
  'x-ss-last-rule-action': action({ warn: 'allowed', anonymize: 'allowed', anonymise: 'allowed' }),
  'x-ss-block-type': raw(),
  localdatetime: anyTime()
})

const parser: Parser<W3cState> = {
  id: ID,
  appliance: 'Cisco Cloud Web Security (ScanSafe)',
  newState: () => new W3cState(),
  recognizes(frame, state) {
    if (isDirective(frame)) return ownsDirective(frame, ID, state)
    return isHeaderRow(frame) || (state !== undefined && looksLikeRow(frame, state))
  },
  parse(frame, out, state) {
    if (isDirective(frame)) {
      readDirective(frame, state, table)
      return skip(out, 'header')
    }
    if (isHeaderRow(frame)) {
      setNames(state, frame.buf.toString('utf8', frame.body, frame.end), table)
      return skip(out, 'header')
    }
    return state.map === undefined ? malformed(out, 'no_header') : parseRow(frame, out, state)
  }
}

/** A row of names without `#Fields:`. */
function isHeaderRow(frame: Frame): boolean {
  const { buf, body, end } = frame
  return matchesAt(buf, body, end, DATETIME) && buf[body + DATETIME.length] === 0x09
}

function parseRow(frame: Frame, out: RecordFields, state: W3cState): Outcome {
  table.begin(frame)
  if (!scanRow(frame, rowStart(frame, state.first), state, table.values)) return malformed(out, 'short_row')
  applyElff(table, frame, state, out)
  const { datetime, 'x-ss-block-type': block } = table.v
  if (datetime.present) out.numbers[TIME] = time.readAnyTime(frame.buf, datetime.start, datetime.end, UTC, frame.now)
  if (block.present && !isPlaceholder(frame.buf, block.start, block.end)) out.action = ACTION_BLOCKED
  return 'parsed'
}

export default parser

/**
 * Symantec / Broadcom Cloud Secure Web Gateway (Web Security Service): access log in ELFF by its header, or as JSON objects with
 * the same names, as collectors write them. Times are UTC.
 * Format: "Cloud SWG access log formats"; the columns are those of ProxySG.
 */
import {
  applyElff,
  ELFF_FIELDS,
  FieldTable,
  type Frame,
  headHas,
  headHasAny,
  isDirective,
  jsonStart,
  looksLikeRow,
  malformed,
  needle,
  type Outcome,
  ownsDirective,
  type Parser,
  readDirective,
  rowStart,
  salvageJson,
  scanJson,
  scanRow,
  skip,
  W3cState
} from '../src/parse/kit.ts'
import type { RecordFields } from '../src/record.ts'

const ID = 'symantec-wss'
const table = new FieldTable(ELFF_FIELDS)
const level = table.json()

const CLIENT = needle('"c-ip')
const OWN_KEYS = [needle('"x-bluecoat-'), needle('"cs-auth-group'), needle('"cs-userdn"'), needle('"sc-filter-result"')]

const parser: Parser<W3cState> = {
  id: ID,
  appliance: 'Symantec Cloud Secure Web Gateway (WSS)',
  newState: () => new W3cState(),
  recognizes(frame, state) {
    if (isDirective(frame)) return ownsDirective(frame, ID, state)
    return isObject(frame) || (state !== undefined && looksLikeRow(frame, state))
  },
  parse(frame, out, state) {
    if (isDirective(frame)) {
      readDirective(frame, state, table)
      return skip(out, 'header')
    }
    table.begin(frame)
    if (frame.buf[frame.body] === 0x7b) return readObject(frame, state, out)
    if (state.map === undefined) return malformed(out, 'no_header')
    if (!scanRow(frame, rowStart(frame, state.first), state, table.values)) return malformed(out, 'short_row')
    applyElff(table, frame, state, out)
    return 'parsed'
  }
}

function isObject(frame: Frame): boolean {
  return frame.buf[frame.body] === 0x7b && headHasAny(frame, OWN_KEYS) && (headHas(frame, CLIENT) || headHas(frame, OWN_KEYS[0]!))
}

function readObject(frame: Frame, state: W3cState, out: RecordFields): Outcome {
  const { buf, end } = frame
  const start = jsonStart(frame)
  if (scanJson(buf, start, end, level) < 0) {
    table.begin(frame) // the value before the break may have been cut short
    if (salvageJson(buf, start, end, table.keys, table.values) === 0) return malformed(out, 'bad_syntax')
  }
  applyElff(table, frame, state, out)
  return 'parsed'
}

export default parser

/**
 * Cisco ASA and PIX: connections, access lists and URLs (message numbers 302013–302016, 302304, 106xxx, 304001/2), as
 * `src/parse/grammar/asa.ts` reads them. The device may print its address or name before the message, with or without a colon.
 * What a Built line said of the direction is kept per sender, for the Teardown lines.
 */
import {
  AsaDirections,
  type AsaRule,
  asaTextStart,
  type Frame,
  find,
  headerOrArrivalTime,
  malformed,
  matchesAt,
  needle,
  type Parser,
  readAsaId,
  readAsaMessage
} from '../src/parse/kit.ts'
import { TIME } from '../src/record.ts'

const ASA = needle('%ASA-')
const PIX = needle('%PIX-')
/** The mark stands this near to the start. */
const HEAD_BYTES = 120

const parser: Parser<AsaRule> = {
  id: 'cisco-asa',
  appliance: 'Cisco ASA',
  newState: () => ({ directions: new AsaDirections(), initiatorFirst: false }),
  recognizes: frame => mark(frame) >= 0,
  parse(frame, out, state) {
    const at = mark(frame)
    if (at < 0) return malformed(out, 'bad_syntax')
    const id = readAsaId(frame.buf, at + ASA.length, frame.end)
    out.numbers[TIME] = headerOrArrivalTime(frame)
    return readAsaMessage(frame, id, asaTextStart, out, state)
  }
}

function mark(frame: Frame): number {
  const { buf, body, start, end } = frame
  if (matchesAt(buf, body, end, ASA)) return body
  const head = Math.min(end, start + HEAD_BYTES)
  const asa = find(buf, start, head, ASA)
  return asa >= 0 ? asa : find(buf, start, head, PIX)
}

export default parser

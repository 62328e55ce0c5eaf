/**
 * Cisco Firewall Services Module: the messages of ASA, with connection ids of 18 digits. Its outbound lines name the initiator
 * first, as ports and mapped addresses show, so no Built line needs to be remembered; one well-known port still decides.
 */
import {
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

const FWSM = needle('%FWSM-')
const HEAD_BYTES = 120
const RULE: AsaRule = { directions: undefined, initiatorFirst: true }

const parser: Parser = {
  id: 'cisco-fwsm',
  appliance: 'Cisco FWSM',
  recognizes: frame => mark(frame) >= 0,
  parse(frame, out) {
    const at = mark(frame)
    if (at < 0) return malformed(out, 'bad_syntax')
    const id = readAsaId(frame.buf, at + FWSM.length, frame.end)
    out.numbers[TIME] = headerOrArrivalTime(frame)
    return readAsaMessage(frame, id, asaTextStart, out, RULE)
  }
}

function mark(frame: Frame): number {
  const { buf, body, start, end } = frame
  return matchesAt(buf, body, end, FWSM) ? body : find(buf, start, Math.min(end, start + HEAD_BYTES), FWSM)
}

export default parser

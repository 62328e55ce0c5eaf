/**
 * Pass-through: a source whose format is `raw` sends its lines as they came, checked for framing and size only, for appliances
 * whose format is not public or whose parser the service has.
 */
import type { Parser } from '../contracts.ts'
import { TIME } from '../record.ts'

export const rawParser: Parser = {
  id: 'raw',
  appliance: 'Any, passed through',
  generic: true,
  passThrough: true,
  recognizes: () => true,
  parse(frame, out) {
    out.numbers[TIME] = frame.now
    return 'parsed'
  }
}

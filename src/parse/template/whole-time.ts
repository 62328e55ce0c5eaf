/** Times of whole values: where a template puts a time, a second clock in the value means that the row was cut at the wrong place. */
import type { Zone } from '../../contracts.ts'
import { findByte, isDigit } from '../../lib/bytes.ts'
import { readAnyTime, timeReadEnd } from '../values/time.ts'

/** As `readAnyTime`, but NaN when anything but a zone's name is left over. */
export function readWholeTime(buf: Uint8Array, start: number, end: number, zone: Zone, now: number): number {
  const time = readAnyTime(buf, start, end, zone, now)
  if (findByte(buf, start, end, 0x3a) < 0) return time // an epoch, which is read to its end
  for (let at = timeReadEnd; at < end; at++) if (isDigit(buf[at]) || buf[at] === 0x3a) return Number.NaN
  return time
}

// Hot path: no garbage while the lines of a source name one zone.
/** Zones that log lines name in a field of their own: `Europe/Berlin`, `UTC`, `CET`, `+02:00`, `UTC-5`. */
import type { Zone } from '../../contracts.ts'
import type { Value } from './line.ts'
import { abbreviationOffset, namedZone, UTC } from './zone.ts'

/** Names are kept with their zones, as making one costs microseconds; so are names of no zone. */
const KNOWN_MAX = 256
const NAME_MAX_BYTES = 64
const MINUTE_MS = 60_000

const known = new Map<string, Zone | undefined>()
const last: { name: string; zone: Zone | undefined } = { name: '', zone: undefined }

/** The zone that the value names; `otherwise` when it names none, or one that means several (`IST`). */
export function printedZone(value: Value, otherwise: Zone): Zone {
  if (!value.present || value.end - value.start > NAME_MAX_BYTES) return otherwise
  if (!value.is(last.name)) {
    last.name = value.text()
    if (!known.has(last.name)) {
      if (known.size >= KNOWN_MAX) known.clear()
      known.set(last.name, zoneOf(last.name))
    }
    last.zone = known.get(last.name)
  }
  return last.zone ?? otherwise
}

function zoneOf(name: string): Zone | undefined {
  const offset = /^(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?$/.exec(name)
  if (offset !== null) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3] ?? 0)
    return fixedZone(name, offset[1] === '-' ? -minutes : minutes)
  }
  const minutes = abbreviationOffset(name)
  if (minutes !== undefined) return minutes === 0 ? UTC : fixedZone(name, minutes)
  if (!name.includes('/')) return undefined // Intl knows `IST` too, as one of the zones that it stands for
  try {
    return namedZone(name)
  } catch {
    return undefined
  }
}

const fixedZone = (name: string, minutes: number): Zone => ({ name, toUtc: wallMs => wallMs - minutes * MINUTE_MS })

/** Sizes as people write them: `48MiB`, `20GiB`, `1GB`, `512 kB`, or a plain number of bytes. */

const UNIT_BYTES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40
}

/** Bytes of a size. Decimal units (kB, MB, GB, TB) and binary ones (KiB, MiB, GiB, TiB) differ. Throws RangeError. */
export function parseSize(text: string | number): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(String(text).trim())
  const unit = match && UNIT_BYTES[match[2]!.toLowerCase()]
  if (!match || !unit) throw new RangeError(`${JSON.stringify(text)} is no size; write a number with a unit, such as 48MiB, 20GiB or 1GB`)
  const bytes = Math.round(Number(match[1]) * unit)
  if (!Number.isSafeInteger(bytes)) throw new RangeError(`${JSON.stringify(text)} is too large a size`)
  return bytes
}

/** The size with the largest binary unit that leaves at most one decimal: `48 MiB`. For people, not for parsing back. */
export function formatSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let index = 0
  let value = bytes
  while (value >= 1024 && index < units.length - 1) {
    value /= 1024
    index++
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[index]}`
}

/** What the normalisation changed or left out, as plain numbers. */

/** Corrections that cost a field or changed one, counted per lane (metric `sluice_record_corrections_total`). */
export const CORRECTIONS = [
  'count_dropped',
  'bytes_inconsistent',
  'unknown_action',
  'name_cut',
  'url_cut',
  'host_dropped',
  'url_dropped',
  'total_only'
] as const
export type Correction = (typeof CORRECTIONS)[number]
export type Corrections = Record<Correction, number>

export const noCorrections = (): Corrections => Object.fromEntries(CORRECTIONS.map(name => [name, 0])) as Corrections

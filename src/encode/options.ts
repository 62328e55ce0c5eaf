/** What the configuration may change in the formats, because the service's own key list is not published. */
import type { RecordFields } from '../record.ts'
import { DOWNLOADED, TOTAL, UPLOADED } from '../record.ts'

/** Attributes that formats name. */
export type Attribute =
  | 'time'
  | 'srcIp'
  | 'user'
  | 'device'
  | 'dstIp'
  | 'dstPort'
  | 'dstHost'
  | 'url'
  | 'uploadedBytes'
  | 'downloadedBytes'
  | 'totalBytes'
  | 'action'

export interface EncodeOptions {
  /** Key or column names that replace the format's own; null leaves the attribute out. @default {} */
  keys?: Partial<Record<Attribute, string | null>>
  /** `in-is-download` or its opposite: which way the two byte keys of CEF point. @default 'in-is-download' */
  direction?: 'in-is-download' | 'in-is-upload'
  /** What a format without a total does with a record that has nothing else. @default 'asDownloaded' */
  totalOnly?: 'asDownloaded' | 'omit'
  /** CEF `rt` as epoch milliseconds or as `MMM dd yyyy HH:mm:ss`. @default 'epoch' */
  cefTime?: 'epoch' | 'text'
  /** Vendor, product and version of the CEF and LEEF headers. @default Sluice, Collector, 1 */
  vendor?: string
  product?: string
  version?: string
}

/** Key for an attribute: the configured one, the format's own, or null. */
export function keyOf(options: EncodeOptions, attribute: Attribute, own: string): string | null {
  const configured = options.keys?.[attribute]
  return configured === undefined ? own : configured
}

/** Downloaded bytes to write for formats without a total; -1 when there are none. */
export function downloadedOrTotal(record: RecordFields, totalOnly: EncodeOptions['totalOnly']): number {
  const down = record.numbers[DOWNLOADED]!
  if (down >= 0 || totalOnly === 'omit' || record.numbers[UPLOADED]! >= 0) return down
  return record.numbers[TOTAL]!
}

/** Templates: what a person pastes into the configuration to say how the lines of a source look. Plain data, it crosses threads. */

/** Exactly one of the keys is there. */
export interface Template {
  /** NSS feed output format of Zscaler: `%s{time}\t%s{login}\t…`. */
  zscaler_feed?: string
  /** Squid's `logformat`: `%ts.%03tu %6tr %>a …`. */
  squid_logformat?: string
  /** `#Fields:` line of a log that comes without it. */
  w3c_fields?: string
  /** Header row of a CSV log that comes without it. */
  csv_header?: string
  mapping?: Mapping
}

/** Columns or keys, and what each is: the local counterpart of the portal's custom parser. */
export interface Mapping {
  kind: 'csv' | 'key-value'
  /** One character or `\t`; a comma for `csv`, a blank for `key-value`. */
  delimiter?: string
  /** Between key and value. @default '=' */
  assign?: string
  /** The log has a header row that names the columns. @default true without `columns` */
  header?: boolean
  /** Names of the columns, in order. */
  columns?: string[]
  fields: MappingFields
}

/** Name of a column (`csv`) or key (`key-value`) by record property. */
export interface MappingFields {
  time: MappedTime
  srcIp: string
  user?: string
  device?: string
  dstIp?: string
  dstPort?: string
  dstHost?: string
  url?: string
  uploadedBytes?: string
  downloadedBytes?: string
  totalBytes?: string
  action?: MappedAction
}

export interface MappedTime {
  column?: string
  key?: string
  /** Second column or key with the time of day; it is appended after a blank. */
  clock?: string
  /** Java-like pattern; without it the usual forms are told by the bytes. */
  format?: string
}

export interface MappedAction {
  column?: string
  key?: string
  /** Expression that is found in the value of a blocked transaction. */
  blocked: string
  /** Expression of an allowed one; without it every value that is not blocked is allowed. */
  allowed?: string
}

/** What is wrong with a template; `path` leads from the template to the value. */
export interface TemplateFault {
  path: (string | number)[]
  message: string
}

/** A template that can not become a parser. */
export class TemplateError extends Error {
  readonly faults: readonly TemplateFault[]

  constructor(faults: readonly TemplateFault[]) {
    super(faults.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
    this.name = 'TemplateError'
    this.faults = faults
  }
}

/** Longest template text, and most fields in one. */
export const TEMPLATE_MAX_CHARS = 16_384
export const TEMPLATE_FIELDS_MAX = 512

/**
 * A guide: what to type and click on an appliance so that its log reaches Sluice. `src/guide/appliances/` holds one file per
 * appliance; `sluice guide` fills in this machine's address, and docs/appliances/ is made from the same files.
 */

/** How the appliance hands its log over; each is served by one type of receiver. */
export type Transport = 'syslog-udp' | 'syslog-tcp' | 'syslog-tls' | 'http-push' | 'ftp' | 'sftp' | 'menlo-pull'

/** Text in which `{{host}}`, `{{port}}`, `{{url}}`, `{{secret_header}}` and `{{fingerprint}}` stand for what the collector has. */
export interface Step {
  say: string
  /** Commands or a configuration, to be typed as they stand once the places are filled in. */
  type?: string
}

export interface Way {
  transport: Transport
  /** When to take this one. */
  why?: string
  steps: readonly Step[]
}

export interface Guide {
  /** The word for `sluice guide`, and the name of the page. */
  id: string
  appliance: string
  /** Parsers that may read its lines (names of files in parsers/). */
  parsers: readonly string[]
  /** Releases whose menus and commands these are. */
  firmware: string
  /** Best first. */
  ways: readonly Way[]
  /** What is done whichever way is taken: which events are logged. */
  always: readonly Step[]
  /** How to see on the appliance that it sends. */
  check?: readonly Step[]
  /** Keys of the entry in `sources` besides its name, as YAML, where the usual ones do not do. */
  source?: string
  /** What becomes of its lines. */
  reads: string
  traps: readonly string[]
  /** A line as it comes; it holds addresses and names reserved for documentation. */
  sample: string
}

/** Puts values in the places of a text. Throws RangeError at a place that has none. */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name]
    if (value === undefined) throw new RangeError(`Cannot fill in {{${name}}}`)
    return value
  })
}

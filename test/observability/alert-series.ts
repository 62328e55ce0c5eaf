/** Series for the cases of alerts, as promtool writes them. */

/** Values as promtool writes them, one a minute: `0+10x60` begins at 0 and grows by 10 sixty times. */
export type Series = Readonly<Record<string, string>>

export interface AlertCase {
  alert: string
  /** What is so, as a sentence. */
  when: string
  series: Series
  /** When it is looked at. */
  at: string
  /** How often rules are evaluated; a week takes too long by the minute. @default 1m */
  step?: '4m'
  /** Labels of the alerts that fire then, beside job, instance and severity; an empty one is not there. None: it must be quiet. */
  fires: readonly Readonly<Record<string, string>>[]
}

export const FW = 'source="fw"'
export const TLS = 'receiver="tls",protocol="syslog-tls"'
export const UDP = 'receiver="syslog",protocol="syslog-udp"'
/** A source that sends ten frames a second for the first 90 minutes and then `after` a minute. */
export const sending = (after: number): Series => ({ [`sluice_source_received_frames_total{${FW}}`]: `0+600x90 54000+${after}x120` })

/** What an alert does under some series: when, which series, when it is looked at, and labels of what fires then. */
export type CaseRow = readonly [when: string, series: Series, at: string, fires: AlertCase['fires'], step?: AlertCase['step']]

/** An alert on one gauge: it fires while that has one value, and not while it has another. */
export const gauge = (series: string, fires: number, quiet: number | '_', labels: Readonly<Record<string, string>> = {}): CaseRow[] => [
  [`${series} is ${fires}`, { [series]: `${fires}x120` }, '90m', [labels]],
  [`${series} is ${quiet}`, { [series]: `${quiet}x120` }, '90m', []]
]

/** An alert on a counter that should stand still: it fires while that has grown of late. */
export const counter = (series: string, labels: Readonly<Record<string, string>> = {}): CaseRow[] => [
  [`${series} grew`, { [series]: '0x20 9x10' }, '25m', [labels]],
  [`${series} stands still`, { [series]: '9x90' }, '25m', []],
  [`${series} grew long ago`, { [series]: '0x20 9x120' }, '110m', []]
]

/** Counters that balance, but for the changes. */
export function balance(changes: { received?: string; sourceReceived?: string; dropped?: string; uploaded?: string }): Series {
  return {
    'sluice_received_frames_total{receiver="syslog",protocol="syslog-udp"}': changes.received ?? '1010x20',
    sluice_shed_frames_total: '6x20',
    sluice_frames_in_flight: '4x20',
    [`sluice_source_received_frames_total{${FW}}`]: changes.sourceReceived ?? '1000x20',
    [`sluice_parsed_records_total{${FW}}`]: '900x20',
    [`sluice_skipped_frames_total{${FW}}`]: '70x20',
    [`sluice_malformed_frames_total{${FW}}`]: '20x20',
    [`sluice_unidentified_frames_total{${FW}}`]: '10x20',
    [`sluice_written_records_total{${FW}}`]: '700x20',
    [`sluice_dropped_records_total{${FW},reason="internal"}`]: changes.dropped ?? '200x20',
    [`sluice_recovered_records_total{${FW}}`]: '50x20',
    [`sluice_uploaded_records_total{${FW}}`]: changes.uploaded ?? '500x20',
    [`sluice_spooled_records{${FW}}`]: '200x20',
    [`sluice_set_aside_records{${FW}}`]: '30x20',
    [`sluice_removed_records_total{${FW}}`]: '15x20',
    [`sluice_shed_records_total{${FW}}`]: '5x20'
  }
}

export const spool = (bytes: string): Series => ({
  sluice_spool_bytes: bytes,
  sluice_spool_capacity_bytes: '1000x120',
  sluice_spool_high_water_bytes: '900x120'
})

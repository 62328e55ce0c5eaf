/** Whether lines become records, and good ones. */
import { EVERY, OF_SOURCE, type Row } from '../panel.ts'

export const PARSE: Row = {
  title: 'Parse',
  panels: [
    {
      kind: 'lines',
      title: 'Lines by outcome',
      does: 'parsed: a record. skipped: no traffic, such as logins; usual. malformed: cut or changed on the way. unidentified: no parser knows it; name the appliance or give a template.',
      unit: 'short',
      width: 8,
      stacked: true,
      queries: [
        { expr: `sum(rate(sluice_parsed_records_total{${OF_SOURCE}}${EVERY}))`, legend: 'parsed' },
        { expr: `sum(rate(sluice_skipped_frames_total{${OF_SOURCE}}${EVERY}))`, legend: 'skipped' },
        { expr: `sum(rate(sluice_malformed_frames_total{${OF_SOURCE}}${EVERY}))`, legend: 'malformed' },
        { expr: `sum(rate(sluice_unidentified_frames_total{${OF_SOURCE}}${EVERY}))`, legend: 'unidentified' }
      ]
    },
    {
      kind: 'lines',
      title: 'Rejected share, by source',
      does: 'Malformed and unidentified of all lines. Above 1 %: docs/operations.md#sluicerejectratio.',
      unit: 'percentunit',
      width: 8,
      queries: [{ expr: `max by (source) (sluice:source_rejected:ratio5m{${OF_SOURCE}})`, legend: '{{source}}' }],
      steps: [
        [null, 'green'],
        [0.01, 'red']
      ]
    },
    {
      kind: 'lines',
      title: 'Records by parser',
      does: 'Which parser read the lines. One that you do not expect: name the appliance in the source, so that lines are not told apart by their bytes.',
      unit: 'short',
      width: 8,
      stacked: true,
      queries: [{ expr: `sum by (parser) (rate(sluice_frames_total{${OF_SOURCE},outcome="parsed"}${EVERY}))`, legend: '{{parser}}' }]
    },
    {
      kind: 'lines',
      title: 'Share of records that have …',
      does: 'Of the written records: attributes that the reports are made of. Without user there is no user report; without host, URL or address nothing is recognised; without bytes no volume. A line that falls is drift: docs/operations.md#sluicedrift.',
      unit: 'percentunit',
      width: 12,
      max: 1,
      queries: [
        {
          expr: `sum by (attribute) (rate(sluice_attribute_records_total{${OF_SOURCE}}${EVERY})) / ignoring (attribute) group_left () sum(rate(sluice_written_records_total{${OF_SOURCE}}${EVERY}))`,
          legend: '{{attribute}}'
        }
      ]
    },
    {
      kind: 'lines',
      title: 'Drift alarms',
      does: 'Times the log of a source changed shape, counted per day. Mostly a firmware update or a changed log profile: compare lines of before and after with “sluice parse” (docs/operations.md#sluicedrift).',
      unit: 'short',
      width: 12,
      queries: [{ expr: `sum by (source) (increase(sluice_parser_schema_drift_total{${OF_SOURCE}}[1d]))`, legend: '{{source}}' }]
    },
    {
      kind: 'lines',
      title: 'From event to arrival',
      does: 'How late records come. Seconds are usual for syslog, an hour for hourly files. A half that climbs: the appliance or a relay queues.',
      unit: 's',
      width: 8,
      queries: [
        {
          expr: `histogram_quantile(0.5, sum by (le) (rate(sluice_source_event_lag_seconds_bucket{${OF_SOURCE}}${EVERY})))`,
          legend: 'half'
        },
        {
          expr: `histogram_quantile(0.99, sum by (le) (rate(sluice_source_event_lag_seconds_bucket{${OF_SOURCE}}${EVERY})))`,
          legend: '99 %'
        }
      ]
    },
    {
      kind: 'lines',
      title: 'Clock of the source, ahead (+) or behind (−)',
      does: 'By the newest records. Whole hours: set time_zone of the source. Else NTP on the appliance (docs/operations.md#sluiceclockskew).',
      unit: 's',
      width: 8,
      signed: true,
      queries: [{ expr: `max by (source) (sluice_source_clock_skew_seconds{${OF_SOURCE}})`, legend: '{{source}}' }]
    },
    {
      kind: 'lines',
      title: 'Corrections, by what',
      does: 'Records written with something put right or left out. unknown_action: words that no table knows, neither blocked nor allowed; please report them. bytes_inconsistent: sums that do not fit.',
      unit: 'short',
      width: 8,
      stacked: true,
      queries: [{ expr: `sum by (reason) (rate(sluice_corrected_records_total{${OF_SOURCE}}${EVERY}))`, legend: '{{reason}}' }]
    }
  ]
}

/** Is data reaching Defender? What the person on call looks at first. */
import { EVERY, IN, OF_SOURCE, type Row } from '../panel.ts'

export const REACHING: Row = {
  title: 'Is data reaching Defender?',
  panels: [
    {
      kind: 'stat',
      title: 'Last upload',
      does: 'Age of the last file that the tenant took. Up to the flush interval (5 min) is usual. Red: see “Uploads” beside it, then “sluice status”, which names the cause.',
      unit: 's',
      width: 4,
      queries: [{ expr: `time() - max(sluice_upload_last_success_timestamp_seconds{${OF_SOURCE}})`, legend: 'ago' }],
      steps: [
        [null, 'green'],
        [900, 'yellow'],
        [1800, 'red']
      ]
    },
    {
      kind: 'stat',
      title: 'Uploads',
      does: 'Whether the tenant takes files. When it does not, the panel “Uploads paused, by reason” has the reason, and docs/operations.md the remedy. Nothing is lost while the spool has room.',
      unit: 'short',
      width: 4,
      queries: [{ expr: `max(sluice_upload_failing{${IN}})`, legend: 'failing' }],
      words: { 0: ['working', 'green'], 1: ['failing', 'red'] }
    },
    {
      kind: 'stat',
      title: 'Records that wait',
      does: 'Records in the spool on their way. It breathes with the flush interval. When it only grows, look at “Last upload” and at “Time until the spool is full”.',
      unit: 'short',
      width: 4,
      queries: [{ expr: `sum(sluice_spooled_records{${OF_SOURCE}})`, legend: 'records' }]
    },
    {
      kind: 'stat',
      title: 'Files the service failed',
      does: 'Files that the service took and could not read; what is in them is missing in the reports. Above 0: see the portal’s governance log and docs/operations.md#sluiceservicefailsfiles. None: the local tenant has no such list.',
      unit: 'short',
      width: 4,
      queries: [{ expr: `sum(sluice_service_failed_files{${OF_SOURCE}})`, legend: 'files' }],
      steps: [
        [null, 'green'],
        [1, 'red']
      ]
    },
    {
      kind: 'stat',
      title: 'Health',
      does: 'Degraded: something is not as it should be. “sluice status” and the page at the admin address list what, as sentences.',
      unit: 'short',
      width: 4,
      queries: [{ expr: `min(sluice_healthy{${IN}})`, legend: 'healthy' }],
      words: { 0: ['degraded', 'red'], 1: ['healthy', 'green'] }
    },
    {
      kind: 'stat',
      title: 'Lines in no counter',
      does: 'Sum of the four differences of the balance. Anything but 0 is a lost line or a bug: please report it (docs/operations.md#sluicebalancebroken).',
      unit: 'short',
      width: 4,
      queries: [
        {
          expr: `sum(abs(sluice:received_frames:difference{${IN}})) + sum(abs(sluice:source_frames:difference{${OF_SOURCE}})) + sum(abs(sluice:records:difference{${OF_SOURCE}})) + sum(abs(sluice:delivery:difference{${OF_SOURCE}}))`,
          legend: 'lines'
        }
      ],
      steps: [
        [null, 'green'],
        [1, 'red']
      ]
    },
    {
      kind: 'table',
      title: 'Sources',
      does: 'One line per source. No line for long: look at the appliance (docs/operations.md#sluicesourcesilent). Lines but no upload: the data source is paused, or still missing in the portal.',
      unit: 'short',
      width: 24,
      by: 'source',
      queries: [
        { expr: `time() - max by (source) (sluice_source_last_seen_timestamp_seconds{${OF_SOURCE}})`, legend: 'last line' },
        { expr: `max by (source) (sluice_source_silent{${OF_SOURCE}})`, legend: 'it' },
        { expr: `sum by (source) (rate(sluice_source_received_frames_total{${OF_SOURCE}}${EVERY}))`, legend: 'lines/s' },
        { expr: `max by (source) (sluice:source_rejected:ratio5m{${OF_SOURCE}})`, legend: 'rejected' },
        { expr: `sum by (source) (sluice_spooled_records{${OF_SOURCE}})`, legend: 'waiting' },
        { expr: `time() - max by (source) (sluice_upload_last_success_timestamp_seconds{${OF_SOURCE}})`, legend: 'last upload' },
        { expr: `max by (source) (sluice_source_upload_paused{${OF_SOURCE}})`, legend: 'uploads' },
        { expr: `sum by (source) (sluice_service_failed_files{${OF_SOURCE}})`, legend: 'failed files' }
      ],
      columns: {
        'last line': {
          unit: 's',
          steps: [
            [null, 'green'],
            [900, 'yellow'],
            [3600, 'red']
          ]
        },
        it: { words: { 0: ['sends', 'green'], 1: ['is silent', 'red'] } },
        'lines/s': { unit: 'short' },
        rejected: {
          unit: 'percentunit',
          steps: [
            [null, 'green'],
            [0.01, 'red']
          ]
        },
        'last upload': {
          unit: 's',
          steps: [
            [null, 'green'],
            [900, 'yellow'],
            [1800, 'red']
          ]
        },
        uploads: { words: { 0: ['working', 'green'], 1: ['paused', 'red'] } },
        'failed files': {
          steps: [
            [null, 'green'],
            [1, 'red']
          ]
        }
      }
    },
    {
      kind: 'lines',
      title: 'From line to tenant, per second',
      does: 'What is received, parsed, written and uploaded. Parsed far below received: see the row Parse. Written below parsed: records are dropped on purpose, see the row Loss. Uploads come in steps, one per file.',
      unit: 'short',
      width: 12,
      queries: [
        { expr: `sum(rate(sluice_source_received_frames_total{${OF_SOURCE}}${EVERY}))`, legend: '1 received' },
        { expr: `sum(rate(sluice_parsed_records_total{${OF_SOURCE}}${EVERY}))`, legend: '2 parsed' },
        { expr: `sum(rate(sluice_written_records_total{${OF_SOURCE}}${EVERY}))`, legend: '3 written' },
        { expr: `sum(rate(sluice_uploaded_records_total{${OF_SOURCE}}${EVERY}))`, legend: '4 uploaded' }
      ]
    },
    {
      kind: 'lines',
      title: 'Freshness, by source',
      does: 'Age of the last line and of the last upload of each source. A source whose line climbs is silent or not uploaded; the other sources tell whether it is only that one.',
      unit: 's',
      width: 12,
      queries: [
        { expr: `time() - max by (source) (sluice_source_last_seen_timestamp_seconds{${OF_SOURCE}})`, legend: '{{source}} line' },
        { expr: `time() - max by (source) (sluice_upload_last_success_timestamp_seconds{${OF_SOURCE}})`, legend: '{{source}} upload' }
      ]
    },
    {
      kind: 'lines',
      title: 'What the service says it got',
      does: 'Age of the last data of each data source, by the service’s own list, which is read every ten minutes. It may lag behind by hours. When it climbs while uploads work: docs/operations.md#sluiceserviceseesnothing.',
      unit: 's',
      width: 12,
      queries: [
        { expr: `time() - max by (source) (sluice_service_last_data_received_timestamp_seconds{${OF_SOURCE}})`, legend: '{{source}}' }
      ]
    },
    {
      kind: 'lines',
      title: 'State of the data sources in the portal',
      does: 'Data sources by state. failing: the service cannot read our files. missing: there is none of that name. wrong-type: its log type is not that of our files. All but fine want action in the portal.',
      unit: 'short',
      width: 12,
      stacked: true,
      queries: [{ expr: `sum by (state) (sluice_service_state{${OF_SOURCE}})`, legend: '{{state}}' }]
    }
  ]
}

/** The second home of records or lines, where one is configured; without one these panels are empty. */
import { EVERY, IN, OF_SOURCE, type Row } from '../panel.ts'

export const ARCHIVE: Row = {
  title: 'Archive',
  panels: [
    {
      kind: 'lines',
      title: 'Archived per second, by source',
      does: 'Records, or lines with content: lines, that the archive holds. Nothing for longer than archive.flush_interval while lines come: see “The archive fails” and docs/operations.md#sluicearchivefailing.',
      unit: 'short',
      width: 8,
      stacked: true,
      queries: [{ expr: `sum by (source) (rate(sluice_archived_records_total{${OF_SOURCE}}${EVERY}))`, legend: '{{source}}' }]
    },
    {
      kind: 'lines',
      title: 'Waiting for the archive',
      does: 'What its buffer holds on its way, and what is set aside in damaged segments. It climbs while the archive’s place takes nothing; “sluice spool ls --dir” with archive.dir lists the files.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `sum(sluice_archive_waiting_records{${OF_SOURCE}})`, legend: 'waiting' },
        { expr: `sum(sluice_archive_set_aside_records{${OF_SOURCE}})`, legend: 'set aside' }
      ]
    },
    {
      kind: 'lines',
      title: 'Missing in the archive, per second',
      does: 'shed: its buffer had no room, or its disk failed (docs/operations.md#sluicearchivesheds). removed: taken out of the buffer by a person. The tenant got all of them.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `sum(rate(sluice_archive_shed_records_total{${OF_SOURCE}}${EVERY}))`, legend: 'shed' },
        { expr: `sum(rate(sluice_archive_removed_records_total{${OF_SOURCE}}${EVERY}))`, legend: 'removed' }
      ],
      steps: [
        [null, 'green'],
        [0.000001, 'red']
      ]
    },
    {
      kind: 'lines',
      title: 'Buffer of the archive',
      does: 'Bytes held, and archive.max_bytes. At the bound what arrives is not archived. When it climbs, mend the archive’s place; a larger bound bridges a longer outage.',
      unit: 'bytes',
      width: 8,
      queries: [
        { expr: `sum(sluice_archive_spool_bytes{${IN}})`, legend: 'held' },
        { expr: `sum(sluice_archive_spool_capacity_bytes{${IN}})`, legend: 'bound' }
      ]
    },
    {
      kind: 'lines',
      title: 'Bytes archived per second, and files per minute',
      does: 'Raw, and as they are stored. Many small files: a longer archive.flush_interval makes fewer.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `sum by (kind) (rate(sluice_archived_bytes_total{${IN}}${EVERY}))`, legend: '{{kind}} bytes' },
        { expr: `60 * sum(rate(sluice_archived_files_total{${IN}}${EVERY}))`, legend: 'files per minute' }
      ]
    },
    {
      kind: 'lines',
      title: 'The archive fails, and how old its last file is',
      does: 'failing or down at 1: “sluice status” says why (docs/operations.md#sluicearchivefailing). age, in minutes: up to archive.flush_interval is usual, longer while nothing is sent.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `max(sluice_archive_failing{${IN}})`, legend: 'failing' },
        { expr: `max(1 - sluice_archive_up{${IN}})`, legend: 'down' },
        { expr: `max(time() - sluice_archive_last_success_timestamp_seconds{${IN}}) / 60`, legend: 'age, minutes' }
      ]
    },
    {
      kind: 'lines',
      title: 'Balance of the archive',
      does: 'taken + recovered − archived − waiting − set aside − removed − shed. Its thread counts a moment later than the lanes, so it may leave 0 under load; a difference that stays when nothing is sent is a bug: please report it.',
      unit: 'short',
      width: 24,
      signed: true,
      queries: [
        {
          expr: `sum(sluice_archive_taken_records_total{${OF_SOURCE}} + sluice_archive_recovered_records_total{${OF_SOURCE}} - sluice_archived_records_total{${OF_SOURCE}} - sluice_archive_waiting_records{${OF_SOURCE}} - sluice_archive_set_aside_records{${OF_SOURCE}} - sluice_archive_removed_records_total{${OF_SOURCE}} - sluice_archive_shed_records_total{${OF_SOURCE}})`,
          legend: 'difference'
        }
      ]
    }
  ]
}

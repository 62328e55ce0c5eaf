/** The disk buffer: how full, how old, how fast. */
import { EVERY, IN, OF_SOURCE, type Row } from '../panel.ts'

export const SPOOL: Row = {
  title: 'Spool',
  panels: [
    {
      kind: 'lines',
      title: 'Level of the spool',
      does: 'Bytes held, the mark above which senders that can wait are stopped, and the bound. When it climbs, uploads fail or are too slow: see the row Upload.',
      unit: 'bytes',
      width: 8,
      queries: [
        { expr: `sum(sluice_spool_bytes{${IN}})`, legend: 'held' },
        { expr: `sum(sluice_spool_high_water_bytes{${IN}})`, legend: 'high water' },
        { expr: `sum(sluice_spool_capacity_bytes{${IN}})`, legend: 'bound' }
      ]
    },
    {
      kind: 'lines',
      title: 'Time until the spool is full',
      does: 'At the pace of the last half hour, at most a week. Below four hours: docs/operations.md#sluicespoolfilling.',
      unit: 's',
      width: 8,
      queries: [
        {
          expr: `clamp_max(clamp_min(min((sluice_spool_high_water_bytes{${IN}} - sluice_spool_bytes{${IN}}) / clamp_min(deriv(sluice_spool_bytes{${IN}}[30m]), 1)), 0), 7 * 86400)`,
          legend: 'left'
        }
      ],
      steps: [
        [null, 'red'],
        [4 * 3600, 'green']
      ]
    },
    {
      kind: 'lines',
      title: 'Oldest segment that waits',
      does: 'Its age; 0 when none waits. Up to the flush interval and a little more is usual. When it climbs, uploads stand still, or those of one source do.',
      unit: 's',
      width: 8,
      queries: [{ expr: `max((time() - sluice_spool_oldest_timestamp_seconds{${IN}}) or 0 * sluice_spool_bytes{${IN}})`, legend: 'age' }]
    },
    {
      kind: 'lines',
      title: 'Segments, by step',
      does: 'open: being written. closed, issued, stored, finalising: on their way. set-aside: refused for good or damaged, waiting for a person (“sluice spool ls”). done: the archive.',
      unit: 'short',
      width: 8,
      queries: [{ expr: `sum by (step) (sluice_spool_segments{${IN}})`, legend: '{{step}}' }]
    },
    {
      kind: 'lines',
      title: 'Records that wait or are set aside, by source',
      does: 'A single source that piles up: its data source is paused (row Upload). Set aside: docs/operations.md#sluicesegmentssetaside.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `sum by (source) (sluice_spooled_records{${OF_SOURCE}})`, legend: '{{source}}' },
        {
          expr: `sum by (source) (sluice_set_aside_records{${OF_SOURCE}} > 0) or sum(0 * sluice_spool_bytes{${IN}})`,
          legend: '{{source}} set aside'
        }
      ]
    },
    {
      kind: 'lines',
      title: 'Sync duration',
      does: 'How long it takes to make data durable; receipts wait for it. Above some 100 ms the disk is slow or shared: put the spool on a local SSD.',
      unit: 's',
      width: 8,
      queries: [
        { expr: `histogram_quantile(0.5, sum by (le) (rate(sluice_spool_fsync_duration_seconds_bucket{${IN}}${EVERY})))`, legend: 'half' },
        { expr: `histogram_quantile(0.99, sum by (le) (rate(sluice_spool_fsync_duration_seconds_bucket{${IN}}${EVERY})))`, legend: '99 %' }
      ]
    },
    {
      kind: 'lines',
      title: 'Trouble with the disk',
      does: 'sync errors: data could not be made durable, and nobody got a receipt for it. damaged: segments that do not hold what their ledger says. not recovered: segments that the disk refused at the start (docs/operations.md#sluicesegmentsnotrecovered). For all: look at the kernel’s log and the health of the disk.',
      unit: 'short',
      width: 12,
      queries: [
        { expr: `sum(increase(sluice_spool_sync_errors_total{${IN}}${EVERY}))`, legend: 'sync errors' },
        { expr: `sum(increase(sluice_spool_damaged_segments_total{${IN}}${EVERY}))`, legend: 'damaged segments' },
        { expr: `sum(sluice_spool_unrecovered_segments{${IN}})`, legend: 'not recovered' }
      ]
    },
    {
      kind: 'lines',
      title: 'Free on the disk of the spool',
      does: 'Below spool.min_free_bytes the spool counts as full. Something else fills the disk? Give the spool one of its own.',
      unit: 'bytes',
      width: 12,
      queries: [{ expr: `min by (instance) (sluice_spool_free_bytes{${IN}})`, legend: '{{instance}}' }]
    }
  ]
}

/** Everything that got lost, and what was left out on purpose. */
import { EVERY, IN, OF_RECEIVER, OF_SOURCE, type Row } from '../panel.ts'

const ZERO = [
  [null, 'green'],
  [0.000001, 'red']
] as const

export const LOSS: Row = {
  title: 'Loss',
  panels: [
    {
      kind: 'lines',
      title: 'Lost, by where',
      does: 'All loss counters, per second; the line must lie on 0. kernel: receive buffer full, raise net.core.rmem_max or send by TCP. thread: a receiving thread ended, see the log (docs/operations.md#sluicedatagramslost). rate limit: of UDP, senders over max_frames_per_second_per_peer or max_bytes_per_second_per_peer. lanes: UDP frames shed, more cores. spool: no room, mend uploads or disk. removed: segments taken out by a person, or unreadable. aborted: senders that vanished in the middle.',
      unit: 'short',
      width: 12,
      queries: [
        { expr: `sum(rate(sluice_udp_kernel_dropped_datagrams_total{${OF_RECEIVER}}${EVERY}))`, legend: 'kernel' },
        { expr: `sum(rate(sluice_udp_lost_datagrams_total{${OF_RECEIVER}}${EVERY}))`, legend: 'thread' },
        { expr: `sum(rate(sluice_rate_limited_total{${OF_RECEIVER},protocol="syslog-udp"}${EVERY}))`, legend: 'rate limit' },
        { expr: `sum(rate(sluice_shed_frames_total{${OF_SOURCE}}${EVERY}))`, legend: 'lanes' },
        { expr: `sum(rate(sluice_shed_records_total{${OF_SOURCE}}${EVERY}))`, legend: 'spool' },
        { expr: `sum(rate(sluice_removed_records_total{${OF_SOURCE}}${EVERY}))`, legend: 'removed' },
        { expr: `sum(rate(sluice_aborted_total{${OF_RECEIVER}}${EVERY}))`, legend: 'aborted' }
      ],
      steps: ZERO
    },
    {
      kind: 'lines',
      title: 'Balance',
      does: 'The four borders at which every frame and record is accounted for; each is 0 in every scrape. Above 0 lines are missing, below 0 some were counted twice. Either is a bug: docs/operations.md#sluicebalancebroken.',
      unit: 'short',
      width: 12,
      signed: true,
      queries: [
        { expr: `sum(sluice:received_frames:difference{${IN}})`, legend: 'received' },
        { expr: `sum(sluice:source_frames:difference{${OF_SOURCE}})`, legend: 'parsed' },
        { expr: `sum(sluice:records:difference{${OF_SOURCE}})`, legend: 'written' },
        { expr: `sum(sluice:delivery:difference{${OF_SOURCE}})`, legend: 'delivered' }
      ],
      steps: ZERO
    },
    {
      kind: 'lines',
      title: 'Dropped on purpose, by reason',
      does: 'Records that process.* of the configuration leaves out: internal destinations, too old, in the future, starts of connections. Much of too_old or future: look at the clock and zone of the source.',
      unit: 'short',
      width: 12,
      stacked: true,
      queries: [{ expr: `sum by (reason) (rate(sluice_dropped_records_total{${OF_SOURCE}}${EVERY}))`, legend: '{{reason}}' }]
    },
    {
      kind: 'lines',
      title: 'Lines that gave no record, by source',
      does: 'Malformed and unidentified lines. Samples are on the page and in “sluice tap”; “sluice explain FILE” says why. See docs/operations.md#sluicerejectratio.',
      unit: 'short',
      width: 12,
      stacked: true,
      queries: [
        { expr: `sum by (source) (rate(sluice_malformed_frames_total{${OF_SOURCE}}${EVERY}))`, legend: '{{source}} malformed' },
        { expr: `sum by (source) (rate(sluice_unidentified_frames_total{${OF_SOURCE}}${EVERY}))`, legend: '{{source}} unidentified' }
      ]
    }
  ]
}

/** What comes in, and what keeps it from coming in. */
import { EVERY, OF_RECEIVER, type Row } from '../panel.ts'

export const RECEIVE: Row = {
  title: 'Receive',
  panels: [
    {
      kind: 'lines',
      title: 'Frames per second, by receiver',
      does: 'Log messages cut out of what came. 0 on a receiver that should have senders: is it up (below), do packets arrive (tcpdump), does a firewall or the allow-list keep them out?',
      unit: 'short',
      width: 8,
      stacked: true,
      queries: [
        {
          expr: `sum by (receiver, protocol) (rate(sluice_received_frames_total{${OF_RECEIVER}}${EVERY}))`,
          legend: '{{receiver}} {{protocol}}'
        }
      ]
    },
    {
      kind: 'lines',
      title: 'Bytes per second, by receiver',
      does: 'As read from sockets and files, before inflation. Compare with the capacity of the line, and with what docs/performance.md says a core can take.',
      unit: 'Bps',
      width: 8,
      stacked: true,
      queries: [
        {
          expr: `sum by (receiver, protocol) (rate(sluice_received_bytes_total{${OF_RECEIVER}}${EVERY}))`,
          legend: '{{receiver}} {{protocol}}'
        }
      ]
    },
    {
      kind: 'lines',
      title: 'Connections open',
      does: 'Connections now. A step down means that senders went away: look at the appliance or the balancer. A steady climb means that they open new ones and never close: the idle time-out of the receiver ends them.',
      unit: 'short',
      width: 8,
      queries: [{ expr: `sum by (receiver, protocol) (sluice_connections{${OF_RECEIVER}})`, legend: '{{receiver}} {{protocol}}' }]
    },
    {
      kind: 'lines',
      title: 'Receivers that do not listen, or hold senders back',
      does: 'down: the address or folder could not be had, see “sluice status”. spool_full and lanes_busy: senders that can wait do; see the rows Spool and Process. The others are limits of the receiver, or a server that is pulled from.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `sum(1 - sluice_receiver_up{${OF_RECEIVER}})`, legend: 'down' },
        { expr: `sum by (reason) (sluice_receiver_paused{${OF_RECEIVER}})`, legend: '{{reason}}' }
      ]
    },
    {
      kind: 'lines',
      title: 'Refused and failed connections per second',
      does: 'not allowed: add the sender’s network to allow. limit: raise the limits of the receiver, or find the sender that opens so many. handshake: no TLS, or a certificate the sender does not trust. credentials and client certificate: missing or wrong. errors: resets on the way.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `sum(rate(sluice_refused_not_allowed_total{${OF_RECEIVER}}${EVERY}))`, legend: 'not allowed' },
        {
          expr: `sum(rate(sluice_refused_limit_total{${OF_RECEIVER}}${EVERY})) + sum(rate(sluice_refused_peer_limit_total{${OF_RECEIVER}}${EVERY}))`,
          legend: 'limit'
        },
        { expr: `sum(rate(sluice_handshake_failed_total{${OF_RECEIVER}}${EVERY}))`, legend: 'handshake' },
        { expr: `sum(rate(sluice_refused_credentials_total{${OF_RECEIVER}}${EVERY}))`, legend: 'credentials' },
        { expr: `sum(rate(sluice_client_certificate_refused_total{${OF_RECEIVER}}${EVERY}))`, legend: 'client certificate' },
        { expr: `sum(rate(sluice_connection_errors_total{${OF_RECEIVER}}${EVERY}))`, legend: 'errors' }
      ]
    },
    {
      kind: 'lines',
      title: 'Framing faults per second',
      does: 'truncated: lines above 64 KiB, cut once. resynchronised: octet counts that were no good; set the sender to octet counting or to line feeds, not to a mixture of both. bad bodies and bad RELP: the sender’s settings do not fit the receiver.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `sum by (receiver) (rate(sluice_truncated_frames_total{${OF_RECEIVER}}${EVERY}))`, legend: '{{receiver}} truncated' },
        { expr: `sum by (receiver) (rate(sluice_resynchronised_total{${OF_RECEIVER}}${EVERY}))`, legend: '{{receiver}} resynchronised' },
        { expr: `sum(rate(sluice_bad_bodies_total{${OF_RECEIVER}}${EVERY}))`, legend: 'bad bodies' },
        { expr: `sum(rate(sluice_protocol_errors_total{${OF_RECEIVER}}${EVERY}))`, legend: 'bad RELP' }
      ]
    },
    {
      kind: 'lines',
      title: 'Senders that were made to wait, per second',
      does: 'paused: not read, as there was no room (spool or lanes). put off: HTTP and FTP told to come again. rate limit: faster than max_…_per_peer allows. no receipt: their last lines could not be made durable; they send them again. All at once: see the rows Spool and Process.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `sum(rate(sluice_pauses_total{${OF_RECEIVER}}${EVERY}))`, legend: 'paused' },
        { expr: `sum(rate(sluice_put_off_total{${OF_RECEIVER}}${EVERY}))`, legend: 'put off' },
        { expr: `sum(rate(sluice_rate_limited_total{${OF_RECEIVER}}${EVERY}))`, legend: 'rate limit' },
        { expr: `sum(rate(sluice_commit_failed_total{${OF_RECEIVER}}${EVERY}))`, legend: 'no receipt' }
      ]
    },
    {
      kind: 'lines',
      title: 'Receivers that fetch are behind by',
      does: 'Buckets and APIs: now less the time up to which all is fetched. It climbs while the server does not answer, or when more comes than one collector fetches.',
      unit: 's',
      width: 8,
      queries: [{ expr: `max by (receiver) (sluice_pull_lag_seconds{${OF_RECEIVER}})`, legend: '{{receiver}}' }]
    },
    {
      kind: 'lines',
      title: 'Receivers that cannot fetch',
      does: '1 while the server does not give what it is asked for, and rounds that failed in a minute. “sluice status” says why: docs/operations.md#sluicepullfailing.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `max by (receiver) (sluice_pull_failing{${OF_RECEIVER}})`, legend: '{{receiver}}' },
        { expr: `60 * sum(rate(sluice_pull_errors_total{${OF_RECEIVER}}${EVERY}))`, legend: 'failed rounds per minute' }
      ]
    },
    {
      kind: 'lines',
      title: 'Receive buffer of UDP',
      does: 'Granted below asked: bursts are lost in the kernel. Run the sysctl command that the log names at the start, and restart.',
      unit: 'bytes',
      width: 12,
      queries: [{ expr: `min by (receiver, kind) (sluice_udp_receive_buffer_bytes{${OF_RECEIVER}})`, legend: '{{receiver}} {{kind}}' }]
    },
    {
      kind: 'lines',
      title: 'Certificates of listeners end in',
      does: 'Time left. Below 14 days: put the new files in place, they are taken over without a restart (docs/operations.md#sluicecertificateexpires).',
      unit: 's',
      width: 12,
      queries: [
        { expr: `min by (receiver) (sluice_tls_certificate_expiry_timestamp_seconds{${OF_RECEIVER}}) - time()`, legend: '{{receiver}}' }
      ],
      steps: [
        [null, 'red'],
        [14 * 86_400, 'green']
      ]
    }
  ]
}

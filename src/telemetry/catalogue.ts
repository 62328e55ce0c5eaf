/**
 * Every metric of Sluice: name without the prefix `sluice_`, type, unit, labels, help. The registry takes nothing that is not
 * here, docs/metrics.md is made from it, and dashboards are tested against it. Labels are bounded: names of the configuration
 * and closed sets, never an address or a user.
 */
import { PAUSE_REASONS } from '../contracts.ts'

export interface MetricEntry {
  type: 'counter' | 'gauge' | 'histogram'
  /** As the name's suffix says; empty for a number of things without unit. */
  unit: string
  labels: readonly string[]
  help: string
}

const counter = (unit: string, labels: readonly string[], help: string): MetricEntry => ({ type: 'counter', unit, labels, help })
const gauge = (unit: string, labels: readonly string[], help: string): MetricEntry => ({ type: 'gauge', unit, labels, help })
const histogram = (unit: string, labels: readonly string[], help: string): MetricEntry => ({ type: 'histogram', unit, labels, help })

const RECEIVER = ['receiver', 'protocol'] as const
const SOURCE = ['source'] as const

export const PREFIX = 'sluice_'

export const CATALOGUE = {
  // receive: the names of ReceiverStatus.counters and .gauges
  received_bytes_total: counter('bytes', RECEIVER, 'Bytes read by a receiver.'),
  received_datagrams_total: counter('datagrams', RECEIVER, 'UDP datagrams read.'),
  received_frames_total: counter('frames', RECEIVER, 'Frames cut out of the bytes of a receiver.'),
  connections: gauge('connections', RECEIVER, 'Connections open now.'),
  connections_total: counter('connections', RECEIVER, 'Connections accepted.'),
  refused_total: counter('connections', RECEIVER, 'Connections or datagrams refused: not allowed, or too many.'),
  refused_not_allowed_total: counter('connections', RECEIVER, 'Of refused_total: the sender is in none of the allowed networks.'),
  refused_limit_total: counter('connections', RECEIVER, 'Of refused_total: too many connections.'),
  refused_peer_limit_total: counter('connections', RECEIVER, 'Of refused_total: too many connections of one address.'),
  rate_limited_total: counter(
    'events',
    RECEIVER,
    'Times a sender was made to wait because it sent faster than it may; of UDP, datagrams thrown away.'
  ),
  commit_failed_total: counter('intakes', RECEIVER, 'Intakes whose last frames could not be made durable.'),
  empty_connections_total: counter('connections', RECEIVER, 'Connections closed without a byte, such as probes of a balancer.'),
  idle_closed_total: counter('connections', RECEIVER, 'Connections closed because they sent nothing for too long.'),
  aborted_total: counter('intakes', RECEIVER, 'Intakes that ended in the middle; a partial frame was thrown away.'),
  connection_errors_total: counter('errors', RECEIVER, 'Socket errors of connections.'),
  truncated_frames_total: counter('frames', RECEIVER, 'Frames cut at the length cap.'),
  discarded_bytes_total: counter('bytes', RECEIVER, 'Bytes thrown away: tails of cut frames, and bytes skipped to find the next frame.'),
  resynchronised_total: counter('frames', RECEIVER, 'Octet counts that were no good; framing went on at the next line feed.'),
  newline_frames_total: counter('frames', RECEIVER, 'Frames ended by a line feed.'),
  octet_counted_frames_total: counter('frames', RECEIVER, 'Frames with an octet count (RFC 6587).'),
  handshake_failed_total: counter(
    'connections',
    RECEIVER,
    'Connections closed before their first byte of a log: no TLS, no PROXY header, or too slow.'
  ),
  client_certificate_refused_total: counter(
    'connections',
    RECEIVER,
    'Connections closed because of the certificate they showed, or lacked.'
  ),
  protocol_errors_total: counter('errors', RECEIVER, 'RELP connections closed because what they sent is no RELP.'),
  answered_total: counter('messages', RECEIVER, 'RELP messages answered, after they were durable.'),
  requests_total: counter('requests', RECEIVER, 'HTTP requests to a path of the receiver.'),
  requests: gauge('requests', RECEIVER, 'HTTP requests worked on now.'),
  inflated_bytes_total: counter('bytes', RECEIVER, 'Bytes of HTTP bodies after inflation.'),
  buffered_bytes: gauge('bytes', RECEIVER, 'Bytes of HTTP bodies held now.'),
  refused_credentials_total: counter('requests', RECEIVER, 'Of refused_total: secret, password or certificate missing or wrong.'),
  put_off_total: counter('requests', RECEIVER, 'HTTP requests answered with 503, to be sent again.'),
  bad_bodies_total: counter('requests', RECEIVER, 'HTTP requests whose body could not be read: too long, broken off, or badly compressed.'),
  tls_certificate_expiry_timestamp_seconds: gauge('seconds', RECEIVER, 'When the certificate of a listener ends.'),
  certificate_reloads_total: counter('reloads', RECEIVER, 'Times changed certificate files were taken over.'),
  certificate_reloads_failed_total: counter('reloads', RECEIVER, 'Times changed certificate files could not be used; the old ones stayed.'),
  pauses_total: counter('pauses', RECEIVER, 'Times a receiver stopped reading because there was no room.'),
  udp_kernel_dropped_datagrams_total: counter('datagrams', RECEIVER, 'Datagrams the kernel dropped because the receive buffer was full.'),
  udp_lost_datagrams_total: counter('datagrams', RECEIVER, 'Datagrams that a receiving thread had read when it ended unexpectedly.'),
  udp_thread_restarts_total: counter('restarts', RECEIVER, 'Times a receiving thread of UDP ended unexpectedly and was started again.'),
  udp_native: gauge('', RECEIVER, '1 while UDP is received by recvmmsg in a thread of its own, 0 by node:dgram.'),
  udp_receive_buffer_bytes: gauge('bytes', [...RECEIVER, 'kind'], 'Receive buffer of UDP sockets, asked for and granted.'),
  receiver_up: gauge('', RECEIVER, '1 while the receiver listens.'),
  receiver_paused: gauge(
    '',
    [...RECEIVER, 'reason'],
    `1 while that holds senders of the receiver back: ${PAUSE_REASONS.join(', ')}. With the first three it reads nothing.`
  ),
  paused_connections: gauge('connections', RECEIVER, 'Connections that are not read because there is no room.'),
  pull_lag_seconds: gauge(
    'seconds',
    RECEIVER,
    'How far a receiver that fetches is behind: now less the time up to which everything is fetched.'
  ),
  pull_failing: gauge('', RECEIVER, '1 while the server that a receiver fetches from does not give what it is asked for.'),
  pull_errors_total: counter('errors', RECEIVER, 'Rounds of a receiver that fetches that failed; they are tried again.'),
  receiver_events_total: counter('events', [...RECEIVER, 'event'], 'Further counts of a receiver, by name.'),
  shed_frames_total: counter(
    'frames',
    SOURCE,
    'Frames of senders that cannot wait, thrown away because there was no room; of a lane that ended as well.'
  ),
  blocks_outstanding: gauge('blocks', [], 'Blocks of frames handed to lanes and not back yet.'),
  blocks_max: gauge('blocks', [], 'Bound of blocks_outstanding.'),
  frames_in_flight: gauge('frames', [], 'Frames in outstanding blocks.'),
  // parse
  source_received_frames_total: counter('frames', SOURCE, 'Frames of a source.'),
  source_received_bytes_total: counter('bytes', SOURCE, 'Bytes of the frames of a source.'),
  frames_total: counter(
    'frames',
    ['source', 'outcome', 'parser', 'reason'],
    'Frames by outcome: parsed, skipped, malformed or unidentified.'
  ),
  skipped_frames_total: counter('frames', SOURCE, 'Frames that are no traffic, such as logins and headers.'),
  malformed_frames_total: counter('frames', SOURCE, 'Frames whose parser could not read them.'),
  unidentified_frames_total: counter('frames', SOURCE, 'Frames that no parser knows.'),
  parsed_records_total: counter('records', SOURCE, 'Records that parsers made.'),
  source_last_seen_timestamp_seconds: gauge('seconds', SOURCE, 'When the last frame of a source arrived.'),
  source_last_event_timestamp_seconds: gauge('seconds', SOURCE, 'Latest event time in the records of a source.'),
  source_silent: gauge('', SOURCE, '1 while the source sends nothing for longer than silent_after, or than ten times its usual pause.'),
  source_event_lag_seconds: histogram('seconds', SOURCE, 'Arrival of written records less their event time.'),
  source_clock_skew_seconds: gauge(
    'seconds',
    SOURCE,
    'How far the clock of a source is ahead, by the least lag of the last minutes with records. Below 0: behind, in the wrong time zone, or late.'
  ),
  attribute_records_total: counter('records', ['source', 'attribute'], 'Written records that carry an attribute that reports are made of.'),
  parser_schema_drift_total: counter(
    'alarms',
    SOURCE,
    'Times the log of a source changed shape: an attribute vanished, or lines are rejected.'
  ),
  source_drift: gauge('', ['source', 'attribute'], '1 while such an alarm stands, by attribute, or rejected.'),
  // process, encode
  written_records_total: counter('records', SOURCE, 'Records written to blocks.'),
  written_bytes_total: counter('bytes', SOURCE, 'Bytes of written lines before compression.'),
  dropped_records_total: counter('records', ['source', 'reason'], 'Records dropped on purpose, by reason.'),
  corrected_records_total: counter('records', ['source', 'reason'], 'Records written with something put right or left out.'),
  lane_frames_total: counter('frames', ['lane'], 'Frames a lane worked on.'),
  lane_bytes_total: counter('bytes', ['lane'], 'Bytes a lane worked on.'),
  lane_busy_seconds_total: counter('seconds', ['lane'], 'Time a lane spent on lines.'),
  lane_restarts_total: counter('restarts', ['lane'], 'Times a lane ended unexpectedly and was started again.'),
  lane_up: gauge('', ['lane'], '1 while the lane answers.'),
  // spool
  spool_bytes: gauge('bytes', [], 'Bytes of all spool files.'),
  spool_capacity_bytes: gauge('bytes', [], 'Bound of spool_bytes.'),
  spool_free_bytes: gauge('bytes', [], 'Space left on the disk of the spool.'),
  spool_high_water_bytes: gauge('bytes', [], 'Where spool_full begins.'),
  spool_full: gauge('', [], '1 while the spool is above its high-water mark.'),
  spool_writable: gauge('', [], '1 while the spool can be written.'),
  spool_segments: gauge('segments', ['step'], 'Segments by step; done are those in the archive.'),
  spool_oldest_timestamp_seconds: gauge('seconds', [], 'First arrival in the oldest segment that waits.'),
  spool_fsync_duration_seconds: histogram('seconds', [], 'Time of making appended data durable.'),
  spool_sync_errors_total: counter('errors', [], 'Times appended data could not be made durable.'),
  spool_damaged_segments_total: counter('segments', [], 'Segments set aside because they did not hold what their ledger says.'),
  spool_unread_segments: gauge(
    'segments',
    [],
    'Segments of earlier processes that are still to be counted; until then the counts of records grow by them.'
  ),
  spool_unrecovered_segments: gauge(
    'segments',
    [],
    'Segments that the disk refused at the start; they wait for the next one, and their records are in no count.'
  ),
  spool_unrecovered_bytes: gauge('bytes', [], 'Of spool_bytes: those of such segments.'),
  spooled_records: gauge('records', SOURCE, 'Records in the spool on the way to the tenant.'),
  recovered_records_total: counter('records', SOURCE, 'Records that were in the spool when the process started.'),
  set_aside_records: gauge('records', SOURCE, 'Records in segments set aside for a person.'),
  removed_records_total: counter('records', SOURCE, 'Records taken out of the spool without an upload.'),
  shed_records_total: counter('records', SOURCE, 'Written records thrown away because neither disk nor memory had room.'),
  // upload
  upload_attempts_total: counter('calls', ['step', 'result'], 'Calls by step (url, put, done; list and token beside them) and result.'),
  upload_duration_seconds: histogram('seconds', ['step'], 'Time of those calls.'),
  uploaded_bytes_total: counter('bytes', ['kind'], 'Bytes the tenant accepted, raw and compressed.'),
  uploaded_files_total: counter('files', [], 'Files the tenant accepted.'),
  uploaded_records_total: counter('records', SOURCE, 'Records the tenant accepted.'),
  upload_last_success_timestamp_seconds: gauge('seconds', SOURCE, 'When the tenant last accepted a file of a source.'),
  upload_failing: gauge('', [], '1 while the tenant does not take files.'),
  upload_paused: gauge('', ['reason'], '1 while uploads, of all or of one source, are paused for that reason.'),
  source_upload_paused: gauge('', SOURCE, '1 while uploads of the source are paused.'),
  uploads_in_flight: gauge('files', [], 'Files on their way now.'),
  upload_split_files_total: counter('files', [], 'Files that were too large for the service and went as two halves.'),
  upload_set_aside_files_total: counter('files', [], 'Files that the service refused for good; they wait for a person.'),
  upload_ambiguous_finalises_total: counter(
    'calls',
    [],
    'Last calls of an upload whose answer never came; the file may be in the tenant twice.'
  ),
  upload_requests_per_minute: gauge('requests', [], 'API calls a minute that are allowed at most.'),
  upload_requests_left: gauge('requests', [], 'API calls that could go out at once; 0 while the limit makes them wait.'),
  secret_expiry_timestamp_seconds: gauge(
    'seconds',
    ['secret'],
    'When the token, client secret or certificate for the tenant ends, as far as known.'
  ),
  // feedback: the list of data sources of the tenant, where there is one
  service_last_look_timestamp_seconds: gauge('seconds', [], 'When the list of data sources was last read.'),
  service_state: gauge('', ['source', 'state'], '1 for the state of the data source: fine, failing, missing or wrong-type.'),
  service_files: gauge('files', SOURCE, 'Files of the data source that the service counts.'),
  service_failed_files: gauge('files', SOURCE, 'Files of the data source that the service could not read.'),
  service_last_data_received_timestamp_seconds: gauge('seconds', SOURCE, 'When the service last got data of the data source, as it says.'),
  // archive: only where one is configured; records are lines when it takes lines
  archive_taken_records_total: counter('records', SOURCE, 'Records handed to the archive: those below, and what waits.'),
  archive_recovered_records_total: counter('records', SOURCE, 'Records that waited in the archive’s buffer when the process started.'),
  archived_records_total: counter('records', SOURCE, 'Records in files that the archive holds.'),
  archive_waiting_records: gauge('records', SOURCE, 'Records on their way to the archive.'),
  archive_set_aside_records: gauge('records', SOURCE, 'Records in damaged segments of the archive’s buffer, set aside for a person.'),
  archive_removed_records_total: counter('records', SOURCE, 'Records taken out of the archive’s buffer by hand.'),
  archive_shed_records_total: counter('records', SOURCE, 'Records that were not archived, for lack of room or because of its disk.'),
  archived_files_total: counter('files', [], 'Files the archive took.'),
  archived_bytes_total: counter('bytes', ['kind'], 'Bytes of those files, raw and compressed.'),
  archive_spool_bytes: gauge('bytes', [], 'Bytes of the archive’s buffer on the disk.'),
  archive_spool_capacity_bytes: gauge('bytes', [], 'Bound of archive_spool_bytes.'),
  archive_up: gauge('', [], '1 while the archive runs.'),
  archive_failing: gauge('', [], '1 while something is wrong with the archive; the tenant’s files are not touched by it.'),
  archive_last_success_timestamp_seconds: gauge('seconds', [], 'When the archive last took a file.'),
  // balance
  balance_difference_frames: gauge('frames', [], 'Frames that are in no counter; anything but 0 is a bug.'),
  balance_difference_records: gauge(
    'records',
    ['border'],
    'Records that are in no counter, by border: process or delivery; anything but 0 is a bug.'
  ),
  // process
  build_info: gauge('', ['version', 'node'], 'Always 1; the labels tell what runs.'),
  start_timestamp_seconds: gauge('seconds', [], 'When the process started.'),
  healthy: gauge('', [], '1 while nothing is degraded.'),
  ready: gauge('', [], '1 while listeners are bound and the spool has room, as /ready says.'),
  config_last_reload_successful: gauge('', [], '1 when the last load of the configuration worked.'),
  config_last_reload_timestamp_seconds: gauge('seconds', [], 'When the configuration was last loaded.')
} as const satisfies Record<string, MetricEntry>

export type MetricName = keyof typeof CATALOGUE

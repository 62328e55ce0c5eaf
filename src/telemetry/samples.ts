/** A snapshot of the pipeline as samples of the catalogue. */
import { PAUSE_REASONS, type ReceiverStatus } from '../contracts.ts'
import type { ArchiveStatus } from './archive-status.ts'
import { CATALOGUE, type MetricName, PREFIX } from './catalogue.ts'
import type { HistogramCounts } from './histogram.ts'
import { readinessOf } from './readiness.ts'
import { type PipelineStatus, SERVICE_STATES, type SourceStatus } from './status.ts'
import { PAUSE_STATES } from './upload-status.ts'

export interface Sample {
  labels: Record<string, string>
  value: number
  /** Full name where it differs from the metric's, as `…_bucket` does. */
  metricName?: string
}

/** Labels in ReceiverStatus.gauges that are kinds of one metric. */
const BUFFER_KINDS: Readonly<Record<string, string>> = { receive_buffer_asked_bytes: 'asked', receive_buffer_granted_bytes: 'granted' }

export class Samples {
  readonly #byName = new Map<MetricName, Map<string, Sample>>()

  /** The samples of one metric, in the order they were first set. */
  of(name: MetricName): Sample[] {
    return [...(this.#byName.get(name)?.values() ?? [])]
  }

  /** Adds a value; values with the same labels, such as two listeners of one receiver, are summed up. */
  add(name: MetricName, value: number | undefined, ...labels: string[]): void {
    if (value === undefined) return
    const names: readonly string[] = CATALOGUE[name].labels
    if (names.length !== labels.length) throw new RangeError(`${name} has the labels ${names.join(', ')}, not ${labels.length} values`)
    this.#put(name, labels.join('\0'), { labels: Object.fromEntries(names.map((key, index) => [key, labels[index]!])), value })
  }

  #put(name: MetricName, key: string, sample: Sample): void {
    let samples = this.#byName.get(name)
    if (!samples) this.#byName.set(name, (samples = new Map()))
    const known = samples.get(key)
    if (known) known.value += sample.value
    else samples.set(key, sample)
  }

  #addHistogram(name: MetricName, { bounds, counts, sum }: HistogramCounts, labels: Record<string, string> = {}): void {
    const key = Object.values(labels).join('\0')
    let count = 0
    for (const [index, bucket] of counts.entries()) {
      count += bucket
      const le = index < bounds.length ? String(bounds[index]) : '+Inf'
      this.#put(name, `${key} bucket ${le}`, { labels: { ...labels, le }, value: count, metricName: `${PREFIX}${name}_bucket` })
    }
    this.#put(name, `${key} sum`, { labels, value: sum, metricName: `${PREFIX}${name}_sum` })
    this.#put(name, `${key} count`, { labels, value: count, metricName: `${PREFIX}${name}_count` })
  }

  take(status: PipelineStatus): void {
    for (const receiver of status.receivers) this.#takeReceiver(receiver)
    for (const source of status.sources) this.#takeSource(source)
    this.#takeLanes(status)
    this.#takeSpool(status)
    this.#takeUpload(status)
    if (status.archive !== undefined) this.#takeArchive(status.archive)
    this.#takeProcess(status)
  }

  #takeReceiver({ name, protocol, state, pauses = [], connections, counters, gauges = {} }: ReceiverStatus): void {
    this.add('connections', connections, name, protocol)
    this.add('receiver_up', state === 'listening' || state === 'paused' ? 1 : 0, name, protocol)
    for (const pause of PAUSE_REASONS) this.add('receiver_paused', pauses.includes(pause) ? 1 : 0, name, protocol, pause)
    for (const [counter, value] of Object.entries(counters)) {
      if (isReceiverMetric(counter, 'counter')) this.add(counter, value, name, protocol)
      else this.add('receiver_events_total', value, name, protocol, counter.replace(/_total$/, ''))
    }
    for (const [gauge, value] of Object.entries(gauges)) {
      const kind = BUFFER_KINDS[gauge]
      if (kind !== undefined) this.add('udp_receive_buffer_bytes', value, name, protocol, kind)
      else if (isReceiverMetric(gauge, 'gauge')) this.add(gauge, value, name, protocol)
    }
  }

  #takeSource(source: SourceStatus): void {
    const { name, frames, records } = source
    this.add('source_received_frames_total', frames.received, name)
    this.add('source_received_bytes_total', source.receivedBytes, name)
    for (const { outcome, parser, reason, count } of source.outcomes) this.add('frames_total', count, name, outcome, parser, reason)
    this.add('skipped_frames_total', frames.skipped, name)
    this.add('malformed_frames_total', frames.malformed, name)
    this.add('unidentified_frames_total', frames.unidentified, name)
    this.add('shed_frames_total', frames.shed, name)
    this.add('parsed_records_total', records.parsed, name)
    this.add('written_records_total', records.written, name)
    this.add('written_bytes_total', source.writtenBytes, name)
    for (const { reason, count } of source.dropped) this.add('dropped_records_total', count, name, reason)
    for (const { reason, count } of source.corrections) this.add('corrected_records_total', count, name, reason)
    this.add('spooled_records', records.spooled, name)
    this.add('recovered_records_total', records.recovered, name)
    this.add('set_aside_records', records.setAside, name)
    this.add('removed_records_total', records.removed, name)
    this.add('shed_records_total', records.shed, name)
    this.add('uploaded_records_total', records.uploaded, name)
    this.add('source_last_seen_timestamp_seconds', seconds(source.lastSeenMs), name)
    this.add('source_last_event_timestamp_seconds', seconds(source.lastEventMs), name)
    this.add('upload_last_success_timestamp_seconds', seconds(source.lastUploadMs), name)
    this.add('source_silent', source.silence === undefined ? 0 : 1, name)
    this.#takeShape(source)
    this.#takeService(source)
  }

  #takeShape({ name, lag, clockSkewSeconds, attributes, drift, driftsRaised }: SourceStatus): void {
    this.#addHistogram('source_event_lag_seconds', lag, { source: name })
    this.add('source_clock_skew_seconds', clockSkewSeconds, name)
    for (const { attribute, count } of attributes) this.add('attribute_records_total', count, name, attribute)
    this.add('parser_schema_drift_total', driftsRaised, name)
    for (const { what } of drift) this.add('source_drift', 1, name, what)
  }

  #takeService({ name, service }: SourceStatus): void {
    if (service === undefined) return
    for (const state of SERVICE_STATES) this.add('service_state', state === service.state ? 1 : 0, name, state)
    this.add('service_files', service.files, name)
    this.add('service_failed_files', service.failedFiles, name)
    this.add('service_last_data_received_timestamp_seconds', seconds(service.lastDataReceivedMs), name)
  }

  #takeLanes({ lanes, blocks }: PipelineStatus): void {
    for (const { index, alive, frames, bytes, busySeconds, restarts } of lanes) {
      const lane = String(index)
      this.add('lane_up', alive ? 1 : 0, lane)
      this.add('lane_frames_total', frames, lane)
      this.add('lane_bytes_total', bytes, lane)
      this.add('lane_busy_seconds_total', busySeconds, lane)
      this.add('lane_restarts_total', restarts, lane)
    }
    this.add('blocks_outstanding', blocks.outstanding)
    this.add('blocks_max', blocks.max)
    this.add('frames_in_flight', blocks.framesInFlight)
  }

  #takeSpool({ spool }: PipelineStatus): void {
    this.add('spool_bytes', spool.bytes)
    this.add('spool_capacity_bytes', spool.maxBytes)
    this.add('spool_free_bytes', spool.freeBytes)
    this.add('spool_high_water_bytes', spool.highWaterBytes)
    this.add('spool_full', spool.full ? 1 : 0)
    this.add('spool_writable', spool.writable ? 1 : 0)
    for (const [step, count] of Object.entries(spool.segments)) this.add('spool_segments', count, step)
    this.add('spool_oldest_timestamp_seconds', seconds(spool.oldestMs))
    this.#addHistogram('spool_fsync_duration_seconds', spool.syncs)
    this.add('spool_sync_errors_total', spool.syncErrors)
    this.add('spool_damaged_segments_total', spool.damagedSegments)
    this.add('spool_unread_segments', spool.unreadSegments)
    this.add('spool_unrecovered_segments', spool.unrecoveredSegments)
    this.add('spool_unrecovered_bytes', spool.unrecoveredBytes)
  }

  #takeUpload({ upload, sources }: PipelineStatus): void {
    // From 0 on, so that the first failure is seen as an increase.
    for (const step of ['url', 'put', 'done']) for (const result of ['ok', 'retry']) this.add('upload_attempts_total', 0, step, result)
    for (const { step, result, count } of upload.attempts) this.add('upload_attempts_total', count, step, result)
    for (const { step, histogram } of upload.durations) this.#addHistogram('upload_duration_seconds', histogram, { step })
    this.add('uploaded_bytes_total', upload.uploadedRawBytes, 'raw')
    this.add('uploaded_bytes_total', upload.uploadedBytes, 'compressed')
    this.add('uploaded_files_total', upload.uploadedFiles)
    this.add('upload_failing', upload.failing ? 1 : 0)
    for (const state of PAUSE_STATES) this.add('upload_paused', upload.pauses.some(pause => pause.state === state) ? 1 : 0, state)
    for (const { name } of sources)
      this.add('source_upload_paused', upload.pauses.some(({ source = name }) => source === name) ? 1 : 0, name)
    this.add('uploads_in_flight', upload.inFlight)
    this.add('upload_set_aside_files_total', upload.setAsideFiles)
    this.add('upload_split_files_total', upload.splitFiles)
    this.add('upload_ambiguous_finalises_total', upload.ambiguousFinalises)
    this.add('upload_requests_per_minute', upload.requestsPerMinute)
    this.add('upload_requests_left', upload.requestsLeft)
    for (const { secret, endsMs } of upload.secrets) this.add('secret_expiry_timestamp_seconds', seconds(endsMs), secret)
    this.add('service_last_look_timestamp_seconds', seconds(upload.lastLookMs))
  }

  #takeArchive(archive: ArchiveStatus): void {
    for (const { name, taken, recovered, uploaded, waiting, setAside, removed, shed } of archive.sources) {
      this.add('archive_taken_records_total', taken, name)
      this.add('archive_recovered_records_total', recovered, name)
      this.add('archived_records_total', uploaded, name)
      this.add('archive_waiting_records', waiting, name)
      this.add('archive_set_aside_records', setAside, name)
      this.add('archive_removed_records_total', removed, name)
      this.add('archive_shed_records_total', shed, name)
    }
    this.add('archived_files_total', archive.uploadedFiles)
    this.add('archived_bytes_total', archive.uploadedRawBytes, 'raw')
    this.add('archived_bytes_total', archive.uploadedBytes, 'compressed')
    this.add('archive_spool_bytes', archive.bytes)
    this.add('archive_spool_capacity_bytes', archive.maxBytes)
    this.add('archive_up', archive.running ? 1 : 0)
    this.add('archive_failing', archive.troubles.length > 0 ? 1 : 0)
    this.add('archive_last_success_timestamp_seconds', seconds(archive.lastSuccessMs))
  }

  #takeProcess(status: PipelineStatus): void {
    const { balance, version, startedMs, state, config } = status
    this.add('balance_difference_frames', balance.frames.difference)
    this.add('balance_difference_records', balance.records.difference, 'process')
    this.add('balance_difference_records', balance.delivery.difference, 'delivery')
    this.add('build_info', 1, version, process.versions.node)
    this.add('start_timestamp_seconds', seconds(startedMs))
    this.add('healthy', state === 'healthy' ? 1 : 0)
    this.add('ready', readinessOf(status).ok ? 1 : 0)
    this.add('config_last_reload_successful', config.lastReloadSucceeded ? 1 : 0)
    this.add('config_last_reload_timestamp_seconds', seconds(config.lastReloadMs))
  }
}

const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000)

/** A metric of the catalogue with a receiver's labels. */
function isReceiverMetric(name: string, type: 'counter' | 'gauge'): name is MetricName {
  if (!Object.hasOwn(CATALOGUE, name)) return false
  const entry = CATALOGUE[name as MetricName]
  return entry.type === type && entry.labels.length === 2 && (entry.labels as readonly string[])[0] === 'receiver'
}

import t from 'tap'
import { CATALOGUE, type MetricName, PREFIX } from '../../src/telemetry/catalogue.ts'
import { fromCumulative, newHistogram, observe } from '../../src/telemetry/histogram.ts'
import { createMetrics } from '../../src/telemetry/registry.ts'
import { Samples } from '../../src/telemetry/samples.ts'
import { sampleStatus } from './sample-status.ts'

t.test('a scrape shows the numbers of the moment', async t => {
  let status = sampleStatus()
  const metrics = createMetrics(() => status, { withProcess: false })
  const first = await metrics.scrape()
  for (const line of [
    'sluice_received_bytes_total{receiver="syslog",protocol="syslog-udp"} 70000',
    'sluice_receiver_events_total{receiver="syslog",protocol="syslog-udp",event="odd_thing"} 2',
    'sluice_udp_receive_buffer_bytes{receiver="syslog",protocol="syslog-udp",kind="granted"} 425984',
    'sluice_receiver_paused{receiver="syslog",protocol="syslog-tcp",reason="spool_full"} 1',
    'sluice_receiver_paused{receiver="syslog",protocol="syslog-tcp",reason="rate_limit"} 1',
    'sluice_receiver_paused{receiver="syslog",protocol="syslog-tcp",reason="lanes_busy"} 0',
    'sluice_receiver_paused{receiver="syslog",protocol="syslog-udp",reason="spool_full"} 0',
    'sluice_attribute_records_total{source="HQ-FortiGate",attribute="user"} 85',
    'sluice_parser_schema_drift_total{source="HQ-FortiGate"} 1',
    'sluice_source_drift{source="HQ-FortiGate",attribute="url"} 1',
    'sluice_source_clock_skew_seconds{source="HQ-FortiGate"} -0.5',
    'sluice_service_state{source="HQ-FortiGate",state="failing"} 1',
    'sluice_service_state{source="HQ-FortiGate",state="fine"} 0',
    'sluice_service_failed_files{source="HQ-FortiGate"} 2',
    'sluice_service_last_data_received_timestamp_seconds{source="HQ-FortiGate"} 1800000000',
    'sluice_secret_expiry_timestamp_seconds{secret="client_secret"} 1900000000',
    'sluice_upload_requests_left 7',
    'sluice_upload_paused{reason="auth"} 0',
    'sluice_source_upload_paused{source="HQ-FortiGate"} 0',
    'sluice_source_silent{source="HQ-FortiGate"} 0',
    'sluice_ready 1',
    'sluice_frames_total{source="HQ-FortiGate",outcome="malformed",parser="fortinet-fortigate",reason="bad_time"} 2',
    'sluice_dropped_records_total{source="HQ-FortiGate",reason="internal"} 10',
    'sluice_source_event_lag_seconds_bucket{source="HQ-FortiGate",le="60"} 79',
    'sluice_upload_last_success_timestamp_seconds{source="HQ-FortiGate"} 1800000004',
    'sluice_spool_segments{step="set-aside"} 1',
    'sluice_spool_fsync_duration_seconds_bucket{le="0.005"} 1',
    'sluice_spool_fsync_duration_seconds_bucket{le="+Inf"} 2',
    'sluice_spool_fsync_duration_seconds_count 2',
    'sluice_upload_duration_seconds_count{step="put"} 1',
    'sluice_balance_difference_frames 0'
  ])
    t.ok(first.includes(`\n${line}\n`), line)
  status = sampleStatus({ state: 'degraded' })
  t.match(await metrics.scrape(), '\nsluice_healthy 0\n')
})

t.test('every metric of the catalogue is in the exposition with its type, in catalogue order', async t => {
  const text = await createMetrics(() => sampleStatus(), { withProcess: false }).scrape()
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(match => [match[1], match[2]]))
  t.same(
    [...types],
    Object.entries(CATALOGUE).map(([name, { type }]) => [PREFIX + name, type])
  )
})

t.test('names keep the conventions: suffixes by type and unit, bounded label sets', async t => {
  for (const [name, { type, unit, labels, help }] of Object.entries(CATALOGUE)) {
    t.match(name, /^[a-z][a-z0-9_]*$/, name)
    t.equal(name.endsWith('_total'), type === 'counter', `${name}: counters and only they end in _total`)
    if (unit === 'bytes' || unit === 'seconds') t.match(name, new RegExp(`${unit}(_total)?$`), `${name}: ends in its unit`)
    t.match(help, /^[A-Z1].*\.$/, `${name}: help is a sentence`)
    for (const label of labels)
      t.match(
        label,
        /^(receiver|protocol|kind|event|source|outcome|parser|reason|lane|step|result|border|version|node|attribute|state|secret)$/,
        name
      )
  }
})

t.test('what a receiver counts and measures is exported under its own name', async t => {
  const status = sampleStatus()
  status.receivers.push({
    name: 'tls',
    protocol: 'syslog-tls',
    address: '0.0.0.0:6514',
    state: 'listening',
    connections: 1,
    counters: { handshake_failed_total: 3, certificate_reloads_total: 1 },
    gauges: { tls_certificate_expiry_timestamp_seconds: 1_800_000_000, paused_connections: 0, not_in_the_catalogue: 9 }
  })
  const text = await createMetrics(() => status, { withProcess: false }).scrape()
  for (const line of [
    'sluice_handshake_failed_total{receiver="tls",protocol="syslog-tls"} 3',
    'sluice_certificate_reloads_total{receiver="tls",protocol="syslog-tls"} 1',
    'sluice_tls_certificate_expiry_timestamp_seconds{receiver="tls",protocol="syslog-tls"} 1800000000',
    'sluice_paused_connections{receiver="tls",protocol="syslog-tls"} 0'
  ])
    t.ok(text.includes(`\n${line}\n`), line)
  t.notMatch(text, 'not_in_the_catalogue')
})

t.test('a wrong number of labels is our bug and fails loudly', async t => {
  t.throws(() => new Samples().add('connections' as MetricName, 1, 'only one'), RangeError)
})

t.test('two listeners of one receiver and protocol are one sample', async t => {
  const samples = new Samples()
  samples.add('connections', 2, 'a', 'syslog-tcp')
  samples.add('connections', 3, 'a', 'syslog-tcp')
  t.match(samples.of('connections'), [{ value: 5 }])
})

t.test('histograms count values at a bound below it', async t => {
  const histogram = newHistogram([1, 10])
  for (const value of [0.5, 1, 1.5, 10, 11]) observe(histogram, value)
  t.same(histogram, { bounds: [1, 10], counts: [2, 2, 1], sum: 24 })
  t.same(fromCumulative([1, 10], [2, 4], 5, 24), histogram)
})

t.test('label values cannot break out of the exposition', async t => {
  const status = sampleStatus()
  status.sources[0]!.dropped[0]!.reason = 'x"} 1\nevil 1'
  t.notMatch(await createMetrics(() => status, { withProcess: false }).scrape(), /^evil/m)
})

/** For each alert: series under which it fires, with the labels it then has, and series under which it must not. */
import { type AlertCase, balance, type CaseRow, counter, FW, gauge, type Series, sending, spool, TLS, UDP } from './alert-series.ts'

const tls = { receiver: 'tls', protocol: 'syslog-tls' }
const udp = { receiver: 'syslog', protocol: 'syslog-udp' }
const fw = { source: 'fw' }

const uploads = (lastSuccess: string, spooled: string, more: Series = {}): Series => ({
  [`sluice_upload_last_success_timestamp_seconds{${FW}}`]: lastSuccess,
  [`sluice_spooled_records{${FW}}`]: spooled,
  ...more
})
const paused = (source: number, unknown: number, auth: number): Series => ({
  [`sluice_source_upload_paused{${FW}}`]: `${source}x20`,
  'sluice_source_upload_paused{source="proxy"}': '0x20',
  'sluice_upload_paused{reason="source-unknown"}': `${unknown}x20`,
  'sluice_upload_paused{reason="auth"}': `${auth}x20`
})
const service = (received: string, uploaded: string): Series => ({
  [`sluice_service_last_data_received_timestamp_seconds{${FW}}`]: received,
  [`sluice_uploaded_records_total{${FW}}`]: uploaded
})
const rejected = (malformed: string, unidentified: string): Series => ({
  ...sending(600),
  [`sluice_malformed_frames_total{${FW}}`]: malformed,
  [`sluice_unidentified_frames_total{${FW}}`]: unidentified
})
const skew = (seconds: number): Series => ({ ...sending(600), [`sluice_source_clock_skew_seconds{${FW}}`]: `${seconds}x120` })
const frames = (count: string): Series => ({ [`sluice_source_received_frames_total{${FW}}`]: count })

const CASES: Readonly<Record<string, readonly CaseRow[]>> = {
  SluiceNoUpload: [
    ['records wait and the last success is an hour old', uploads('0x90', '0+5x90'), '1h', [{}]],
    ['there never was a success', { sluice_start_timestamp_seconds: '0x90', [`sluice_spooled_records{${FW}}`]: '7x90' }, '1h', [{}]],
    ['nothing waits', uploads('0x90', '0x90'), '1h', []],
    [
      'another source is uploaded',
      uploads('0x90', '7x90', { 'sluice_upload_last_success_timestamp_seconds{source="proxy"}': '0+60x90' }),
      '1h',
      []
    ]
  ],
  SluiceTokenRefused: gauge('sluice_upload_paused{reason="auth"}', 1, 0, { reason: 'auth' }),
  SluiceTenantAddressWrong: gauge('sluice_upload_paused{reason="configuration"}', 1, 0, { reason: 'configuration' }),
  SluiceSourceNotUploaded: [
    ['one source is paused', paused(1, 1, 0), '15m', [fw]],
    ['all are paused for another reason, which has its own alert', paused(1, 0, 1), '15m', []]
  ],
  SluiceServiceFailsFiles: gauge(`sluice_service_state{${FW},state="failing"}`, 1, 0, { ...fw, state: 'failing' }),
  SluiceDataSourceWrong: [
    ...gauge(`sluice_service_state{${FW},state="missing"}`, 1, 0, { ...fw, state: 'missing' }),
    ['the data source is fine', { [`sluice_service_state{${FW},state="fine"}`]: '1x40' }, '30m', []]
  ],
  SluiceServiceSeesNothing: [
    ['uploads succeed and the service still shows old data', service('0x500', '0+100x500'), '8h', [fw]],
    ['nothing was uploaded either', service('0x500', '100x500'), '8h', []]
  ],
  SluiceSecretExpires: gauge('sluice_secret_expiry_timestamp_seconds{secret="token"}', 20 * 86_400, 40 * 86_400, { secret: 'token' }),
  SluiceArchiveFailing: gauge('sluice_archive_failing{}', 1, 0),
  SluiceArchiveSheds: counter(`sluice_archive_shed_records_total{${FW}}`),
  SluiceSegmentsSetAside: gauge(`sluice_set_aside_records{${FW}}`, 12, 0),
  SluiceSegmentsNotRecovered: gauge('sluice_spool_unrecovered_segments{}', 2, 0),
  SluiceKernelDrops: counter(`sluice_udp_kernel_dropped_datagrams_total{${UDP}}`, udp),
  SluiceDatagramsLost: counter(`sluice_udp_lost_datagrams_total{${UDP}}`, udp),
  SluiceDatagramsOverLimit: [
    ...counter(`sluice_rate_limited_total{${UDP}}`, udp),
    ['senders by TLS are made to wait, which loses nothing', { [`sluice_rate_limited_total{${TLS}}`]: '0x20 9x10' }, '25m', []]
  ],
  SluiceFramesShed: counter('sluice_shed_frames_total'),
  SluiceRecordsShed: counter(`sluice_shed_records_total{${FW}}`, fw),
  SluiceBalanceBroken: [
    ['a frame that was received is in no counter', balance({ received: '1011x20' }), '15m', [{ border: 'received' }]],
    [
      'the source lost a frame and a record',
      balance({ sourceReceived: '1001x20', dropped: '199x20' }),
      '15m',
      ['parsed', 'written'].map(border => ({ ...fw, border }))
    ],
    ['a written record went nowhere', balance({ uploaded: '499x20' }), '15m', [{ ...fw, border: 'delivered' }]],
    ['all is accounted for', balance({}), '15m', []]
  ],
  SluiceCollectorDown: gauge('up{}', 0, 1),
  SluiceCollectorGone: [
    ['no such job is scraped', { 'up{job="node"}': '1x20' }, '15m', [{ job: '', instance: '' }]],
    ['it is scraped', { 'up{}': '1x20' }, '15m', []]
  ],
  SluiceRestarting: [
    ['it started four times in an hour', { sluice_start_timestamp_seconds: '100x10 700x10 1300x10 1900x30' }, '45m', [{}]],
    ['it was updated', { sluice_start_timestamp_seconds: '100x10 700x60' }, '45m', []]
  ],
  SluiceReceiverRestarts: counter(`sluice_udp_thread_restarts_total{${UDP}}`, udp),
  SluiceReceiverDown: gauge(`sluice_receiver_up{${TLS}}`, 0, 1, tls),
  SluiceReceiverPaused: [
    ...gauge(`sluice_receiver_paused{${TLS},reason="spool_full"}`, 1, 0, { ...tls, reason: 'spool_full' }),
    ['a limit holds senders back, and the receiver goes on', { [`sluice_receiver_paused{${TLS},reason="rate_limit"}`]: '1x30' }, '25m', []]
  ],
  SluicePullFailing: gauge('sluice_pull_failing{receiver="bucket",protocol="s3"}', 1, 0, { receiver: 'bucket', protocol: 's3' }),
  SluiceSourceSilent: [
    ['a source stops', sending(0), '2h', [fw]],
    ['a source goes on', sending(600), '2h', []],
    ['a source never sent', frames('0x200'), '3h', []],
    // Busy for all but two hours, which come again after a week (10 080 minutes).
    ['it was as silent at this hour a week ago', frames('0x120 0+600x9960 5976000x120'), '10170m', [], '4m'],
    ['it was busy at this hour a week ago', frames('0+600x10080 6048000x120'), '10170m', [fw], '4m']
  ],
  SluiceSourceVolumeDropped: [
    ['a source sends a tenth', sending(60), '150m', [fw]],
    ['a source sends two thirds', sending(400), '150m', []],
    ['a source is silent, which has its own alert', sending(0), '150m', []]
  ],
  SluiceCertificateExpires: gauge(`sluice_tls_certificate_expiry_timestamp_seconds{${TLS}}`, 10 * 86_400, 30 * 86_400, tls),
  SluiceCertificateNotTaken: counter(`sluice_certificate_reloads_failed_total{${TLS}}`, tls),
  SluiceRejectRatio: [
    ['a tenth of the lines is malformed or unknown', rejected('0+30x120', '0+30x120'), '1h', [fw]],
    ['one in six hundred is', rejected('0+1x120', '0x120'), '1h', []]
  ],
  SluiceDrift: gauge(`sluice_source_drift{${FW},attribute="url"}`, 1, '_', { ...fw, attribute: 'url' }),
  SluiceClockSkew: [
    ['the clock is five minutes ahead', skew(300), '1h', [fw]],
    ['the zone is an hour wrong', skew(-3590), '1h', [fw]],
    ['logs come a little late', skew(-40), '1h', []]
  ],
  SluiceSpoolFilling: [
    ['it grows by a third of its room an hour', spool('100+5x90'), '1h', [{}]],
    ['it stands above 70 %', spool('750x90'), '1h', [{}]],
    ['it breathes with the uploads', spool('100 200 150 120 100 200 150 120 100 200 150 120x80'), '1h', []]
  ],
  SluiceSpoolFull: gauge('sluice_spool_full{}', 1, 0),
  SluiceSpoolNotWritable: gauge('sluice_spool_writable{}', 0, 1),
  SluiceLaneRestarts: counter('sluice_lane_restarts_total{lane="1"}', { lane: '1' }),
  SluiceLaneDown: gauge('sluice_lane_up{lane="1"}', 0, 1, { lane: '1' }),
  SluiceReloadFailed: gauge('sluice_config_last_reload_successful{}', 0, 1)
}

export const ALERT_CASES: readonly AlertCase[] = Object.entries(CASES).flatMap(([alert, rows]) =>
  rows.map(([when, series, at, fires, step]) => ({ alert, when, series, at, fires, ...(step === undefined ? {} : { step }) }))
)

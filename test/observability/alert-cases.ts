/** For each alert: series under which it fires, with the labels it then has, and series under which it must not. */

import { type AlertCase, balance, FW, gauge, sending, spool, TLS } from './alert-series.ts'

export const ALERT_CASES: readonly AlertCase[] = [
  {
    alert: 'SluiceNoUpload',
    when: 'records wait and the last success is an hour old',
    series: { [`sluice_upload_last_success_timestamp_seconds{${FW}}`]: '0x90', [`sluice_spooled_records{${FW}}`]: '0+5x90' },
    at: '1h',
    fires: [{}]
  },
  {
    alert: 'SluiceNoUpload',
    when: 'there never was a success',
    series: { sluice_start_timestamp_seconds: '0x90', [`sluice_spooled_records{${FW}}`]: '7x90' },
    at: '1h',
    fires: [{}]
  },
  {
    alert: 'SluiceNoUpload',
    when: 'nothing waits',
    series: { [`sluice_upload_last_success_timestamp_seconds{${FW}}`]: '0x90', [`sluice_spooled_records{${FW}}`]: '0x90' },
    at: '1h',
    fires: []
  },
  {
    alert: 'SluiceNoUpload',
    when: 'another source is uploaded',
    series: {
      [`sluice_upload_last_success_timestamp_seconds{${FW}}`]: '0x90',
      'sluice_upload_last_success_timestamp_seconds{source="proxy"}': '0+60x90',
      [`sluice_spooled_records{${FW}}`]: '7x90'
    },
    at: '1h',
    fires: []
  },
  ...gauge('SluiceTokenRefused', 'sluice_upload_paused{reason="auth"}', { fires: 1, quiet: 0, labels: { reason: 'auth' } }),
  ...gauge('SluiceTenantAddressWrong', 'sluice_upload_paused{reason="configuration"}', {
    fires: 1,
    quiet: 0,
    labels: { reason: 'configuration' }
  }),
  {
    alert: 'SluiceSourceNotUploaded',
    when: 'one source is paused',
    series: {
      [`sluice_source_upload_paused{${FW}}`]: '1x20',
      'sluice_source_upload_paused{source="proxy"}': '0x20',
      'sluice_upload_paused{reason="source-unknown"}': '1x20',
      'sluice_upload_paused{reason="auth"}': '0x20'
    },
    at: '15m',
    fires: [{ source: 'fw' }]
  },
  {
    alert: 'SluiceSourceNotUploaded',
    when: 'all are paused for another reason, which has its own alert',
    series: {
      [`sluice_source_upload_paused{${FW}}`]: '1x20',
      'sluice_upload_paused{reason="source-unknown"}': '0x20',
      'sluice_upload_paused{reason="auth"}': '1x20'
    },
    at: '15m',
    fires: []
  },
  ...gauge('SluiceServiceFailsFiles', `sluice_service_state{${FW},state="failing"}`, {
    fires: 1,
    quiet: 0,
    labels: { source: 'fw', state: 'failing' }
  }),
  ...gauge('SluiceDataSourceWrong', `sluice_service_state{${FW},state="missing"}`, {
    fires: 1,
    quiet: 0,
    labels: { source: 'fw', state: 'missing' }
  }),
  {
    alert: 'SluiceDataSourceWrong',
    when: 'the data source is fine',
    series: { [`sluice_service_state{${FW},state="fine"}`]: '1x40' },
    at: '30m',
    fires: []
  },
  {
    alert: 'SluiceServiceSeesNothing',
    when: 'uploads succeed and the service still shows old data',
    series: {
      [`sluice_service_last_data_received_timestamp_seconds{${FW}}`]: '0x500',
      [`sluice_uploaded_records_total{${FW}}`]: '0+100x500'
    },
    at: '8h',
    fires: [{ source: 'fw' }]
  },
  {
    alert: 'SluiceServiceSeesNothing',
    when: 'nothing was uploaded either',
    series: {
      [`sluice_service_last_data_received_timestamp_seconds{${FW}}`]: '0x500',
      [`sluice_uploaded_records_total{${FW}}`]: '100x500'
    },
    at: '8h',
    fires: []
  },
  ...gauge('SluiceSecretExpires', 'sluice_secret_expiry_timestamp_seconds{secret="token"}', {
    fires: 20 * 86_400,
    quiet: 40 * 86_400,
    labels: { secret: 'token' }
  }),
  ...gauge('SluiceArchiveFailing', 'sluice_archive_failing{}', { fires: 1, quiet: 0, labels: {} }),
  {
    alert: 'SluiceArchiveSheds',
    when: 'the archive had no room',
    series: { [`sluice_archive_shed_records_total{${FW}}`]: '0x20 9x10' },
    at: '25m',
    fires: [{}]
  },
  {
    alert: 'SluiceArchiveSheds',
    when: 'it had',
    series: { [`sluice_archive_shed_records_total{${FW}}`]: '9x30' },
    at: '25m',
    fires: []
  },
  ...gauge('SluiceSegmentsSetAside', `sluice_set_aside_records{${FW}}`, { fires: 12, quiet: 0, labels: {} }),
  {
    alert: 'SluiceKernelDrops',
    when: 'the kernel dropped some',
    series: { 'sluice_udp_kernel_dropped_datagrams_total{receiver="syslog",protocol="syslog-udp"}': '0x20 3x10' },
    at: '25m',
    fires: [{ receiver: 'syslog', protocol: 'syslog-udp' }]
  },
  {
    alert: 'SluiceKernelDrops',
    when: 'that was long ago',
    series: { 'sluice_udp_kernel_dropped_datagrams_total{receiver="syslog",protocol="syslog-udp"}': '0x20 3x60' },
    at: '1h',
    fires: []
  },
  { alert: 'SluiceFramesShed', when: 'frames were shed', series: { sluice_shed_frames_total: '0x20 9x10' }, at: '25m', fires: [{}] },
  { alert: 'SluiceFramesShed', when: 'none were', series: { sluice_shed_frames_total: '9x30' }, at: '25m', fires: [] },
  {
    alert: 'SluiceRecordsShed',
    when: 'records were shed',
    series: { [`sluice_shed_records_total{${FW}}`]: '0x20 9x10' },
    at: '25m',
    fires: [{ source: 'fw' }]
  },
  { alert: 'SluiceRecordsShed', when: 'none were', series: { [`sluice_shed_records_total{${FW}}`]: '9x30' }, at: '25m', fires: [] },
  {
    alert: 'SluiceBalanceBroken',
    when: 'a frame that was received is in no counter',
    series: balance({ received: '1011x20' }),
    at: '15m',
    fires: [{ border: 'received' }]
  },
  {
    alert: 'SluiceBalanceBroken',
    when: 'the source lost a frame and a record',
    series: balance({ sourceReceived: '1001x20', dropped: '199x20' }),
    at: '15m',
    fires: [
      { border: 'parsed', source: 'fw' },
      { border: 'written', source: 'fw' }
    ]
  },
  {
    alert: 'SluiceBalanceBroken',
    when: 'a written record went nowhere',
    series: balance({ uploaded: '499x20' }),
    at: '15m',
    fires: [{ border: 'delivered', source: 'fw' }]
  },
  { alert: 'SluiceBalanceBroken', when: 'all is accounted for', series: balance({}), at: '15m', fires: [] },
  ...gauge('SluiceCollectorDown', 'up{}', { fires: 0, quiet: 1, labels: {} }),
  {
    alert: 'SluiceCollectorGone',
    when: 'no such job is scraped',
    series: { 'up{job="node"}': '1x20' },
    at: '15m',
    fires: [{ job: '', instance: '' }]
  },
  { alert: 'SluiceCollectorGone', when: 'it is scraped', series: { 'up{}': '1x20' }, at: '15m', fires: [] },
  {
    alert: 'SluiceRestarting',
    when: 'it started four times in an hour',
    series: { sluice_start_timestamp_seconds: '100x10 700x10 1300x10 1900x30' },
    at: '45m',
    fires: [{}]
  },
  { alert: 'SluiceRestarting', when: 'it was updated', series: { sluice_start_timestamp_seconds: '100x10 700x60' }, at: '45m', fires: [] },
  {
    alert: 'SluiceReceiverRestarts',
    when: 'a receiving thread was started again',
    series: { 'sluice_udp_thread_restarts_total{receiver="syslog",protocol="syslog-udp"}': '0x20 1x10' },
    at: '25m',
    fires: [{ receiver: 'syslog', protocol: 'syslog-udp' }]
  },
  {
    alert: 'SluiceReceiverRestarts',
    when: 'none was',
    series: { 'sluice_udp_thread_restarts_total{receiver="syslog",protocol="syslog-udp"}': '1x30' },
    at: '25m',
    fires: []
  },
  ...gauge('SluiceReceiverDown', `sluice_receiver_up{${TLS}}`, {
    fires: 0,
    quiet: 1,
    labels: { receiver: 'tls', protocol: 'syslog-tls' }
  }),
  ...gauge('SluiceReceiverPaused', `sluice_receiver_paused{${TLS},reason="spool_full"}`, {
    fires: 1,
    quiet: 0,
    labels: { receiver: 'tls', protocol: 'syslog-tls', reason: 'spool_full' }
  }),
  {
    alert: 'SluiceReceiverPaused',
    when: 'a limit holds senders back, and the receiver goes on',
    series: { [`sluice_receiver_paused{${TLS},reason="rate_limit"}`]: '1x30' },
    at: '25m',
    fires: []
  },
  { alert: 'SluiceSourceSilent', when: 'a source stops', series: sending(0), at: '2h', fires: [{ source: 'fw' }] },
  { alert: 'SluiceSourceSilent', when: 'a source goes on', series: sending(600), at: '2h', fires: [] },
  {
    alert: 'SluiceSourceSilent',
    when: 'a source never sent',
    series: { [`sluice_source_received_frames_total{${FW}}`]: '0x200' },
    at: '3h',
    fires: []
  },
  {
    alert: 'SluiceSourceSilent',
    when: 'it was as silent at this hour a week ago',
    // Busy for all but two hours, which come again after a week (10 080 minutes).
    series: { [`sluice_source_received_frames_total{${FW}}`]: '0x120 0+600x9960 5976000x120' },
    at: '10170m',
    step: '4m',
    fires: []
  },
  {
    alert: 'SluiceSourceSilent',
    when: 'it was busy at this hour a week ago',
    series: { [`sluice_source_received_frames_total{${FW}}`]: '0+600x10080 6048000x120' },
    at: '10170m',
    step: '4m',
    fires: [{ source: 'fw' }]
  },
  { alert: 'SluiceSourceVolumeDropped', when: 'a source sends a tenth', series: sending(60), at: '150m', fires: [{ source: 'fw' }] },
  { alert: 'SluiceSourceVolumeDropped', when: 'a source sends two thirds', series: sending(400), at: '150m', fires: [] },
  { alert: 'SluiceSourceVolumeDropped', when: 'a source is silent, which has its own alert', series: sending(0), at: '150m', fires: [] },
  ...gauge('SluiceCertificateExpires', `sluice_tls_certificate_expiry_timestamp_seconds{${TLS}}`, {
    fires: 10 * 86_400,
    quiet: 30 * 86_400,
    labels: { receiver: 'tls', protocol: 'syslog-tls' }
  }),
  {
    alert: 'SluiceRejectRatio',
    when: 'a tenth of the lines is malformed or unknown',
    series: {
      ...sending(600),
      [`sluice_malformed_frames_total{${FW}}`]: '0+30x120',
      [`sluice_unidentified_frames_total{${FW}}`]: '0+30x120'
    },
    at: '1h',
    fires: [{ source: 'fw' }]
  },
  {
    alert: 'SluiceRejectRatio',
    when: 'one in six hundred is',
    series: { ...sending(600), [`sluice_malformed_frames_total{${FW}}`]: '0+1x120', [`sluice_unidentified_frames_total{${FW}}`]: '0x120' },
    at: '1h',
    fires: []
  },
  ...gauge('SluiceDrift', `sluice_source_drift{${FW},attribute="url"}`, {
    fires: 1,
    quiet: '_',
    labels: { source: 'fw', attribute: 'url' }
  }),
  {
    alert: 'SluiceClockSkew',
    when: 'the clock is five minutes ahead',
    series: { ...sending(600), [`sluice_source_clock_skew_seconds{${FW}}`]: '300x120' },
    at: '1h',
    fires: [{ source: 'fw' }]
  },
  {
    alert: 'SluiceClockSkew',
    when: 'the zone is an hour wrong',
    series: { ...sending(600), [`sluice_source_clock_skew_seconds{${FW}}`]: '-3590x120' },
    at: '1h',
    fires: [{ source: 'fw' }]
  },
  {
    alert: 'SluiceClockSkew',
    when: 'logs come a little late',
    series: { ...sending(600), [`sluice_source_clock_skew_seconds{${FW}}`]: '-40x120' },
    at: '1h',
    fires: []
  },
  {
    alert: 'SluiceSpoolFilling',
    when: 'it grows by a third of its room an hour',
    series: spool('100+5x90'),
    at: '1h',
    fires: [{}]
  },
  { alert: 'SluiceSpoolFilling', when: 'it stands above 70 %', series: spool('750x90'), at: '1h', fires: [{}] },
  {
    alert: 'SluiceSpoolFilling',
    when: 'it breathes with the uploads',
    series: spool('100 200 150 120 100 200 150 120 100 200 150 120x80'),
    at: '1h',
    fires: []
  },
  ...gauge('SluiceSpoolFull', 'sluice_spool_full{}', { fires: 1, quiet: 0, labels: {} }),
  ...gauge('SluiceSpoolNotWritable', 'sluice_spool_writable{}', { fires: 0, quiet: 1, labels: {} }),
  {
    alert: 'SluiceLaneRestarts',
    when: 'a lane was started again',
    series: { 'sluice_lane_restarts_total{lane="1"}': '0x20 1x10' },
    at: '25m',
    fires: [{ lane: '1' }]
  },
  {
    alert: 'SluiceLaneRestarts',
    when: 'that was yesterday',
    series: { 'sluice_lane_restarts_total{lane="1"}': '1x30' },
    at: '25m',
    fires: []
  },
  ...gauge('SluiceLaneDown', 'sluice_lane_up{lane="1"}', { fires: 0, quiet: 1, labels: { lane: '1' } }),
  ...gauge('SluiceReloadFailed', 'sluice_config_last_reload_successful{}', { fires: 0, quiet: 1, labels: {} })
]

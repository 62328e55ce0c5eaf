/** The three calls to the tenant, what they meet, and the limit they keep. */
import { EVERY, IN, OF_SOURCE, type Row } from '../panel.ts'

export const UPLOAD: Row = {
  title: 'Upload',
  panels: [
    {
      kind: 'lines',
      title: 'Upload attempts, by step and result',
      does: 'Each file takes url, put and done. Other results than ok: retry is tried again by itself; throttled means too many requests; stop-all and stop-source are pauses with a reason (beside); set-aside is for good.',
      unit: 'short',
      width: 8,
      stacked: true,
      queries: [{ expr: `sum by (step, result) (rate(sluice_upload_attempts_total{${IN}}${EVERY}))`, legend: '{{step}} {{result}}' }]
    },
    {
      kind: 'lines',
      title: 'Uploads paused, by reason',
      does: 'auth: renew the secret. configuration: the URL is wrong. source-unknown: create the data source in the portal. throttled: lower requests_per_minute. unreachable: name, route or proxy. See docs/operations.md#uploads-fail.',
      unit: 'short',
      width: 8,
      stacked: true,
      queries: [{ expr: `max by (reason) (sluice_upload_paused{${IN}})`, legend: '{{reason}}' }]
    },
    {
      kind: 'lines',
      title: 'Duration of the calls, 95 %',
      does: 'url and done are answered by the portal’s API, put by the blob store. Waiting for the request limit is counted in. Long puts: the line is slow, or a proxy inspects; long url: the service is slow.',
      unit: 's',
      width: 8,
      queries: [
        {
          expr: `histogram_quantile(0.95, sum by (le, step) (rate(sluice_upload_duration_seconds_bucket{${IN}}${EVERY})))`,
          legend: '{{step}}'
        }
      ]
    },
    {
      kind: 'lines',
      title: 'Uploaded bytes per second',
      does: 'Before and after compression. Compressed is what the line to the cloud carries.',
      unit: 'Bps',
      width: 8,
      queries: [{ expr: `sum by (kind) (rate(sluice_uploaded_bytes_total{${IN}}${EVERY}))`, legend: '{{kind}}' }]
    },
    {
      kind: 'lines',
      title: 'Files per minute, and on their way',
      does: 'More sources make more files. Two API calls each must fit into the request limit; if they do not, raise upload.flush_interval.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `60 * sum(rate(sluice_uploaded_files_total{${IN}}${EVERY}))`, legend: 'per minute' },
        { expr: `sum(sluice_uploads_in_flight{${IN}})`, legend: 'on their way' }
      ]
    },
    {
      kind: 'lines',
      title: 'Upload requests left',
      does: 'API calls that could go out at once, and the bound per minute. Often at 0: the limit is the brake; raise upload.flush_interval, or requests_per_minute up to the tenant’s 30, which all its clients share.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `min(sluice_upload_requests_left{${IN}})`, legend: 'left' },
        { expr: `min(sluice_upload_requests_per_minute{${IN}})`, legend: 'per minute' }
      ]
    },
    {
      kind: 'lines',
      title: 'Records uploaded per second, by source',
      does: 'A source that is missing here and present in Receive waits in the spool, or all of its records are dropped on purpose (row Loss).',
      unit: 'short',
      width: 8,
      stacked: true,
      queries: [{ expr: `sum by (source) (rate(sluice_uploaded_records_total{${OF_SOURCE}}${EVERY}))`, legend: '{{source}}' }]
    },
    {
      kind: 'lines',
      title: 'Set aside, split, and perhaps twice',
      does: 'set aside: files refused for good (docs/operations.md#sluicesegmentssetaside). split: files too large for the service, which went as two; a lower spool.segment_max_bytes avoids it. answer lost: last calls without an answer, which are repeated, so that the file may be in the tenant twice.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `sum(increase(sluice_upload_set_aside_files_total{${IN}}${EVERY}))`, legend: 'set aside' },
        { expr: `sum(increase(sluice_upload_split_files_total{${IN}}${EVERY}))`, legend: 'split' },
        { expr: `sum(increase(sluice_upload_ambiguous_finalises_total{${IN}}${EVERY}))`, legend: 'answer lost' }
      ]
    },
    {
      kind: 'lines',
      title: 'Secrets end in',
      does: 'Time left of certificate, client secret or token; the latter two when tenant.auth.secret_ends says so. Below 30 days: docs/operations.md#sluicesecretexpires.',
      unit: 's',
      width: 8,
      queries: [{ expr: `min by (secret) (sluice_secret_expiry_timestamp_seconds{${IN}}) - time()`, legend: '{{secret}}' }],
      steps: [
        [null, 'red'],
        [30 * 86_400, 'green']
      ]
    }
  ]
}

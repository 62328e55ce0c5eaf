import type { Guide } from '../guide.ts'

export default {
  id: 'menlo',
  appliance: 'Menlo Security',
  parsers: ['menlo'],
  firmware: 'Menlo Security admin portal and log API as of 2025',
  ways: [
    {
      transport: 'http-push',
      why: 'the log API is asked by a small script; works everywhere',
      steps: [
        { say: 'In the admin portal make an API token with the permission Log Export API (Settings › API Tokens).' },
        {
          say: 'Ask for the last five minutes, five minutes late, and hand the events on. Run it by cron every five minutes; a page holds 1000 events, so raise the frequency where there are more.',
          type: `END=$(( $(date +%s) / 300 * 300 - 300 ))
curl -sS --compressed "https://logs.menlosecurity.com/api/rep/v1/fetch/client_select?start=$((END - 300))&end=$END&format=json&limit=1000" -H 'content-type: application/json' -d "{\\"token\\":\\"$MENLO_TOKEN\\",\\"log_type\\":\\"web\\",\\"pagingIdentifiers\\":{}}" | jq -c '.[0].result.events' | curl -sS -X POST -H 'content-type: application/json' -H "{{secret_header}}: $SECRET" --data-binary @- {{url}}`
        }
      ]
    },
    {
      transport: 'syslog-tls',
      why: 'Menlo’s cloud sends by itself',
      steps: [
        {
          say: 'Ask Menlo’s support for log delivery by syslog, format CEF, to {{host}} port {{port}} over TLS. The collector must be reachable from the internet (SHA-256 of its certificate: {{fingerprint}}).'
        }
      ]
    }
  ],
  always: [],
  reads: 'Web log events as JSON, bare or wrapped in {"event":{…}}, and CEF.',
  traps: [
    'The web log has no bytes: the report shows who used what and how often, but no traffic.',
    'Isolated pages (pe_action isolate) count as allowed: the user saw them.',
    'Where Menlo is linked to Microsoft by its own integration, the same log is uploaded; use one of the two.',
    'The answer of the API was read from its guide, not seen against a tenant.'
  ],
  sample:
    '{"event":{"event_time":"2026-01-15T10:11:12.101000","product":"MSIP","vendor":"Menlo Security","version":"2.0","name":"page_request","x-client-ip":"192.0.2.10","userid":"alice@example.com","url":"https://files.example.com/report","domain":"files.example.com","dst":"203.0.113.9","protocol":"https","request_type":"page_request","pe_action":"isolate","response_code":"200","categories":"Business"}}'
} satisfies Guide

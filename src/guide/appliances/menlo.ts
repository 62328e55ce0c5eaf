import type { Guide } from '../guide.ts'

export default {
  id: 'menlo',
  appliance: 'Menlo Security',
  parsers: ['menlo'],
  firmware: 'Menlo Security admin portal and log API as of 2025',
  ways: [
    {
      transport: 'menlo-pull',
      why: 'nothing has to reach the collector from outside',
      steps: [
        { say: 'In the admin portal make an API token with the permission Log Export API (Settings › API Tokens).' },
        {
          say: 'Put it into a file that the collector may read and name it in the receiver; {{host}} must reach logs.menlosecurity.com by HTTPS, through a proxy by HTTPS_PROXY.',
          type: `receivers:
  - { type: menlo-pull, token_file: /run/secrets/menlo }`
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

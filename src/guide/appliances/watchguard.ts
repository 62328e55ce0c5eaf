import type { Guide } from '../guide.ts'

export default {
  id: 'watchguard',
  appliance: 'WatchGuard Fireware',
  parsers: ['watchguard'],
  firmware: 'Fireware 12.5 to 12.11',
  ways: [
    {
      transport: 'syslog-udp',
      steps: [
        {
          say: 'Fireware Web UI: System › Logging › Syslog Server: tick Send log messages to these syslog servers, Add. IP Address: {{host}}. Port: {{port}}. Log Format: Syslog (or IBM LEEF). Tick The time stamp and The serial number of the device. Syslog settings: keep LOCAL1 for traffic. Save.'
        }
      ]
    }
  ],
  always: [
    {
      say: 'In every policy that leads to the internet, tab Settings › Logging: tick Send a log message, and Send a log message for reports, which writes the end of a connection with its bytes.'
    },
    { say: 'HTTP and HTTPS proxy actions: tick Enable logging for reports (host and URL).' }
  ],
  check: [{ say: 'Dashboard › Traffic Monitor shows the same lines.' }],
  reads:
    'Decisions of packet filters (3000-0148), ends of connections (3000-0151) and requests of the proxies (1AFF, 2CFF), as syslog text and as LEEF.',
  traps: [
    'Times have no zone: set time_zone of the source.',
    'Without “for reports” there are no bytes.',
    'A proxy’s request and its connection are two lines. Both count as transactions.'
  ],
  sample:
    '<142>Jan 15 10:11:12 Firebox FCF100000000 (2026-01-15T10:11:12) http-proxy[2174]: msg_id="1AFF-0024" Allow 1-Trusted 0-External tcp 192.0.2.10 203.0.113.9 51234 80 msg="HTTP request" proxy_act="HTTP-Client.1" op="GET" dstname="files.example.com" arg="/report" sent_bytes="1834" rcvd_bytes="920113" elapsed_time="3.0 sec(s)" src_user="alice@contoso" (HTTP-proxy-00)'
} satisfies Guide

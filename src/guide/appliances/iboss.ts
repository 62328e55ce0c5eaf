import type { Guide } from '../guide.ts'

const steps = (protocol: string) => [
  {
    say: `Integrations › Log Forwarding (older consoles: Reporting & Analytics › Log Forwarding) › Forward From Reporter, or Forward From Gateway for fewer hops › Actions › Add Service. Service name: sluice. Host name: {{host}}. Port: {{port}}. Protocol: ${protocol}. Data type: JSON. Facility: any.`
  }
]

export default {
  id: 'iboss',
  appliance: 'iboss Zero Trust SSE',
  parsers: ['iboss'],
  firmware: 'iboss cloud 9.1.100 and later; the console’s names differ by release',
  ways: [
    { transport: 'syslog-tcp', why: 'long lines arrive whole', steps: steps('TCP') },
    { transport: 'syslog-udp', steps: steps('UDP') }
  ],
  always: [
    { say: 'Log types: web logs (WEB_LOG); DLP as well if wanted. Audit logs are skipped here.' },
    { say: 'iboss’s cloud must reach the collector: allow its addresses in the firewall and in receivers[].allow.' }
  ],
  reads: 'Web and DLP log lines, as JSON after a syslog header and as delimited KEY=value text.',
  traps: [
    'Where iboss is linked to Microsoft by its own integration, the same log is uploaded; use one of the two, or everything counts twice.',
    'The menus were not seen on a console; the format was, in samples. Tell us what differs.',
    'The header’s date may differ from the event’s by weeks. Sluice takes the event’s.'
  ],
  sample:
    '<46>Jan 15 10:11:12 cluster1 {"logType":"WEB_LOG","urlLogId":4711,"iboss":"198.51.100.1","logTime":"2026-01-15 10:11:12","proxyTransactionStartTime":"1768471872.102","username":"alice","computerName":"LT-0042","sourceIpAddress":"192.0.2.10","sourcePort":51234,"ipAddress":"203.0.113.9","destinationPort":443,"host":"files.example.com","url":"https:\\/\\/files.example.com\\/report","scheme":"https","requestMethod":"GET","responseCode":200,"upstreamByteUsage":1834,"downstreamByteUsage":920113,"totalByteCount":921947,"sAction":"Allowed","action":"Allowed","directionName":"Outbound"}'
} satisfies Guide

import type { Guide } from '../guide.ts'

const exporter = (
  protocol: string
): string => `cp_log_export add name sluice target-server {{host}} target-port {{port}} protocol ${protocol} format syslog read-mode semi-unified
cp_log_export restart name sluice`

export default {
  id: 'checkpoint',
  appliance: 'Check Point',
  parsers: ['checkpoint'],
  firmware: 'R80.20 to R82, Log Exporter',
  ways: [
    {
      transport: 'syslog-tcp',
      why: 'nothing is lost in bursts',
      steps: [{ say: 'In expert mode on the log server or management server, not on the gateway.', type: exporter('tcp') }]
    },
    {
      transport: 'syslog-udp',
      steps: [{ say: 'In expert mode on the log server or management server, not on the gateway.', type: exporter('udp') }]
    },
    {
      transport: 'syslog-tls',
      why: 'the log is encrypted; Log Exporter then always shows a certificate of its own',
      steps: [
        {
          say: 'Copy the certificate of the authority (ca.pem) and a client certificate with key (client.p12) to the log server, and let the collector ask for it: tls.client_certificate required (SHA-256 of the collector’s certificate: {{fingerprint}}).'
        },
        {
          say: 'In expert mode on the log server or management server.',
          type: `cp_log_export add name sluice target-server {{host}} target-port {{port}} protocol tcp format syslog read-mode semi-unified encrypted true ca-cert /home/admin/ca.pem client-cert /home/admin/client.p12 client-secret PASSWORD
cp_log_export restart name sluice`
        }
      ]
    }
  ],
  always: [
    { say: 'On a Multi-Domain server add: domain-server NAME, once per domain.' },
    {
      say: 'In SmartConsole set Track of the rules that lead to the internet to Log with Accounting, or Detailed Log where Application Control and URL Filtering are on, and install the policy. Without accounting there are no bytes.'
    },
    { say: 'User names need Identity Awareness on the gateway.' }
  ],
  check: [{ say: 'Is it running, and when did it last send:', type: 'cp_log_export status name sluice' }],
  reads: 'Log Exporter in the formats syslog, generic, CEF and LEEF; texts of fw log and fwm logexport; exports of SmartView.',
  traps: [
    'read-mode raw sends an update of a log as a log of its own: connections would count twice.',
    'client_inbound_bytes is what the client sent. Sluice reads it so; other tools often turn it around.',
    'Changes by cp_log_export set take effect after cp_log_export restart only.'
  ],
  sample:
    '<134>1 2026-01-15T10:11:12Z gw-hq CheckPoint 1930 - [action:"Accept"; flags:"444676"; ifdir:"outbound"; ifname:"eth1"; loguid:"{0x1,0x2,0x3,0x4}"; origin:"198.51.100.1"; time:"1768471872"; version:"5"; client_inbound_bytes:"1834"; client_outbound_bytes:"920113"; dst:"203.0.113.9"; product:"VPN-1 & FireWall-1"; proto:"6"; s_port:"51234"; service:"443"; service_id:"https"; src:"192.0.2.10"; src_user_name:"Example, Alice (alice)"]'
} satisfies Guide

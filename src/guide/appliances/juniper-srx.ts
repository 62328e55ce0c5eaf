import type { Guide } from '../guide.ts'

const stream = (protocol: string): string => `configure
set security log mode stream
set security log format sd-syslog
set security log source-address 192.0.2.1
set security log stream sluice format sd-syslog
set security log stream sluice category all
set security log stream sluice host {{host}}
set security log stream sluice host port {{port}}
set security log stream sluice transport protocol ${protocol}`

export default {
  id: 'juniper-srx',
  appliance: 'Juniper SRX',
  parsers: ['juniper-srx'],
  firmware: 'Junos 18.1 to 24.2',
  ways: [
    {
      transport: 'syslog-tcp',
      why: 'nothing is lost in bursts',
      steps: [{ say: 'In the CLI; 192.0.2.1 stands for the address of the SRX that leads to the collector.', type: stream('tcp') }]
    },
    {
      transport: 'syslog-tls',
      why: 'the log is encrypted',
      steps: [
        {
          say: 'Load the authority that issued the collector’s certificate (SHA-256 of the latter: {{fingerprint}}) and make a profile of it.',
          type: `request security pki ca-certificate load ca-profile sluice filename /var/tmp/ca.pem
configure
set security pki ca-profile sluice ca-identity sluice
set services ssl initiation profile sluice trusted-ca sluice`
        },
        {
          say: 'In the CLI; 192.0.2.1 stands for the address of the SRX that leads to the collector.',
          type: `${stream('tls')}
set security log stream sluice transport tls-profile sluice`
        }
      ]
    },
    {
      transport: 'syslog-udp',
      steps: [{ say: 'In the CLI; 192.0.2.1 stands for the address of the SRX that leads to the collector.', type: stream('udp') }]
    }
  ],
  always: [
    {
      say: 'Log the end of sessions in the policies that lead to the internet (trust, untrust and to-internet are examples). Not session-init as well: it would be double.',
      type: `set security log utc-timestamp
set security policies from-zone trust to-zone untrust policy to-internet then log session-close
commit`
    },
    { say: 'User names need user identification (source-identity) in the policy; URLs need a web filtering profile that logs.' }
  ],
  check: [{ say: 'Counts what was sent and what was dropped, by stream:', type: 'show security log stream' }],
  reads: 'RT_FLOW session create, close and deny, AppTrack and web filter events, as structured data (sd-syslog), as text and as WELF.',
  traps: [
    'Stream mode sends from the data plane and not through fxp0; mode event goes through the routing engine and drops at high rates.',
    'With AppTrack on, a session ends in two lines; volume updates in between carry running totals. Each connection counts once.',
    'The plain text format (format syslog) has no names for its values; sd-syslog has.'
  ],
  sample:
    '<14>1 2026-01-15T10:11:12.573Z srx1 RT_FLOW - RT_FLOW_SESSION_CLOSE [junos@2636.1.1.1.2.129 reason="TCP FIN" source-address="192.0.2.10" source-port="51234" destination-address="203.0.113.9" destination-port="443" connection-tag="0" service-name="junos-https" nat-source-address="198.51.100.1" nat-source-port="1025" nat-destination-address="203.0.113.9" nat-destination-port="443" protocol-id="6" policy-name="to-internet" source-zone-name="trust" destination-zone-name="untrust" session-id-32="4711" packets-from-client="12" bytes-from-client="1834" packets-from-server="888" bytes-from-server="920113" elapsed-time="3" application="SSL" nested-application="UNKNOWN" username="alice" roles="N/A" packet-incoming-interface="ge-0/0/1.0" encrypted="Yes"]'
} satisfies Guide

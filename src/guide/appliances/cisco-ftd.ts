import type { Guide } from '../guide.ts'

const platform = (protocol: string, more = ''): Step[] => [
  {
    say: 'In the management center, Devices › Platform Settings › (policy of the device) › Syslog: on Logging Setup tick Enable Logging; on Syslog Settings tick Enable Timestamp (RFC 5424) and Enable Syslog Device ID.'
  },
  { say: `On Syslog Servers add: IP address {{host}}, protocol ${protocol}, port {{port}}, the zone or interface that leads there.${more}` }
]

type Step = Guide['always'][number]

export default {
  id: 'cisco-ftd',
  appliance: 'Cisco Firepower Threat Defense',
  parsers: ['cisco-ftd'],
  firmware: 'FTD and management center 6.3 to 7.6',
  ways: [
    {
      transport: 'syslog-tcp',
      why: 'nothing is lost in bursts',
      steps: platform('TCP', ' Tick Allow user traffic to pass when TCP syslog server is down.')
    },
    {
      transport: 'syslog-tls',
      why: 'the log is encrypted',
      steps: [
        ...platform('TCP', ' Tick Enable secure syslog, and Allow user traffic to pass when TCP syslog server is down.'),
        {
          say: 'Enrol the authority that issued the collector’s certificate under Devices › Certificates (SHA-256 of the latter: {{fingerprint}}).'
        }
      ]
    },
    { transport: 'syslog-udp', steps: platform('UDP') }
  ],
  always: [
    {
      say: 'Policies › Access Control › (policy) › Logging: tick Use the syslog settings configured in the FTD Platform Settings policy deployed on the device.'
    },
    {
      say: 'In each rule that leads to the internet, tab Logging: Log at End of Connection, and send to Syslog Server. Not at the beginning as well: it would be double.'
    },
    { say: 'Deploy.' }
  ],
  check: [{ say: 'On the device:', type: 'show logging' }],
  reads:
    'Connection events of the device (430002 begin, 430003 end), the same from the management center (SFIMS), and the messages of the ASA engine.',
  traps: [
    'Beginning and end of a connection are two lines. Sluice counts the end once a sender has shown ends.',
    'URL and web application are in the event only when a rule needs them or the end is logged.',
    'Events of intrusion, files and malware repeat connections and are skipped.'
  ],
  sample:
    '<113>2026-01-15T10:11:12Z ftd1 : %FTD-1-430003: EventPriority: Low, DeviceUUID: 00000000-0000-0000-0000-000000000001, InstanceID: 1, FirstPacketSecond: 2026-01-15T10:11:09Z, ConnectionID: 4711, AccessControlRuleAction: Allow, SrcIP: 192.0.2.10, DstIP: 203.0.113.9, SrcPort: 51234, DstPort: 443, Protocol: tcp, User: CONTOSO\\alice, Client: SSL client, ApplicationProtocol: HTTPS, WebApplication: Example, ConnectionDuration: 3, InitiatorPackets: 12, ResponderPackets: 888, InitiatorBytes: 1834, ResponderBytes: 920113, NAPPolicy: Balanced Security and Connectivity, URL: https://files.example.com'
} satisfies Guide

import type { Guide } from '../guide.ts'

const profile = (transport: string): string => `configure
set shared log-settings syslog sluice server sluice server {{host}}
set shared log-settings syslog sluice server sluice transport ${transport}
set shared log-settings syslog sluice server sluice port {{port}}
set shared log-settings syslog sluice server sluice format BSD
set shared log-settings syslog sluice server sluice facility LOG_USER`

export default {
  id: 'paloalto',
  appliance: 'Palo Alto Networks PAN-OS',
  parsers: ['paloalto', 'generic-cef', 'generic-leef'],
  firmware: 'PAN-OS 10.1 to 11.2',
  ways: [
    {
      transport: 'syslog-tls',
      why: 'the log is encrypted, and nothing is lost in bursts',
      steps: [
        {
          say: 'Under Device › Certificate Management › Certificates import the authority that issued the collector’s certificate (SHA-256 of the latter: {{fingerprint}}); the name in the certificate must be the server’s name below.'
        },
        { say: 'In the CLI (the web interface has it under Device › Server Profiles › Syslog).', type: profile('SSL') }
      ]
    },
    {
      transport: 'syslog-tcp',
      why: 'nothing is lost in bursts',
      steps: [{ say: 'In the CLI (the web interface has it under Device › Server Profiles › Syslog).', type: profile('TCP') }]
    },
    {
      transport: 'syslog-udp',
      steps: [{ say: 'In the CLI (the web interface has it under Device › Server Profiles › Syslog).', type: profile('UDP') }]
    }
  ],
  always: [
    {
      say: 'Forward the traffic log and the URL log (Objects › Log Forwarding). Leave Custom Log Format at its default.',
      type: `set shared log-settings profiles sluice match-list traffic log-type traffic
set shared log-settings profiles sluice match-list traffic filter "All Logs"
set shared log-settings profiles sluice match-list traffic send-syslog sluice
set shared log-settings profiles sluice match-list url log-type url
set shared log-settings profiles sluice match-list url filter "All Logs"
set shared log-settings profiles sluice match-list url send-syslog sluice`
    },
    {
      say: 'Use the profile on the rules that lead to the internet, and log at the end of a session only (to-internet is an example).',
      type: `set rulebase security rules to-internet log-setting sluice
set rulebase security rules to-internet log-start no
set rulebase security rules to-internet log-end yes
commit`
    },
    { say: 'URLs come from a URL Filtering profile whose categories have the action alert, not allow: allow is not logged.' }
  ],
  check: [{ say: 'Counters of what was forwarded:', type: 'debug log-receiver statistics' }],
  reads:
    'TRAFFIC lines and the url subtype of THREAT lines, as CSV (PAN-OS 6 to 11), as CEF of the firewall and of the logging service, and as LEEF.',
  traps: [
    'A session with a URL gives two lines, one of traffic (bytes) and one of the URL (no bytes). Both count as transactions.',
    'Times are in the firewall’s zone without saying so, before PAN-OS 10: set time_zone of the source.',
    'On Panorama the profiles belong to a template and a device group, with set template … and set device-group … before these commands.',
    'CEF by the template of the vendor has in and out the other way round than CEF of the logging service; both are read right.'
  ],
  sample:
    '<14>Jan 15 10:11:12 fw-hq 1,2026/01/15 10:11:12,007000000001,TRAFFIC,end,2305,2026/01/15 10:11:12,192.0.2.10,203.0.113.9,198.51.100.1,203.0.113.9,to-internet,contoso\\alice,,ssl,vsys1,trust,untrust,ethernet1/2,ethernet1/1,sluice,2026/01/15 10:11:12,4711,1,51234,443,1025,443,0x400053,tcp,allow,921947,1834,920113,900,2026/01/15 10:11:09,3,computer-and-internet-info,0,12345,0x0,192.0.2.0-192.0.2.255,United States,0,12,888,tcp-fin,0,0,0,0,,fw-hq,from-policy'
} satisfies Guide

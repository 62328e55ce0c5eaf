import type { Guide } from '../guide.ts'

const common = `logging enable
logging timestamp rfc5424
logging device-id hostname
logging trap informational`

export default {
  id: 'cisco-asa',
  appliance: 'Cisco ASA',
  parsers: ['cisco-asa'],
  firmware: 'ASA 9.10 to 9.22',
  ways: [
    {
      transport: 'syslog-tcp',
      why: 'nothing is lost in bursts',
      steps: [
        {
          say: 'In configuration mode (inside is the interface that leads to the collector). Without permit-hostdown the ASA stops all new connections while the collector is down.',
          type: `${common}
logging permit-hostdown
logging host inside {{host}} tcp/{{port}}`
        }
      ]
    },
    {
      transport: 'syslog-tls',
      why: 'the log is encrypted',
      steps: [
        {
          say: 'Authenticate a trustpoint with the certificate of the authority that issued the collector’s certificate (SHA-256 of the latter: {{fingerprint}}).',
          type: `crypto ca trustpoint sluice
 enrollment terminal
 exit
crypto ca authenticate sluice`
        },
        {
          say: 'In configuration mode (inside is the interface that leads to the collector).',
          type: `${common}
logging permit-hostdown
logging host inside {{host}} tcp/{{port}} secure`
        }
      ]
    },
    {
      transport: 'syslog-udp',
      steps: [
        {
          say: 'In configuration mode (inside is the interface that leads to the collector). UDP ports from 1025 up can be given.',
          type: `${common}
logging host inside {{host}} udp/{{port}}`
        }
      ]
    }
  ],
  always: [
    {
      say: 'Log URLs of plain HTTP (message 304001). This costs processor time on the ASA.',
      type: `policy-map global_policy
 class inspection_default
  inspect http
service-policy global_policy global`
    },
    {
      say: 'Messages of which nothing is reported can stay at home.',
      type: `no logging message 305011
no logging message 305012
no logging message 302020
no logging message 302021
write memory`
    }
  ],
  check: [{ say: 'Shows the host, what was sent and what was dropped:', type: 'show logging' }],
  reads:
    'Built and Teardown of TCP and UDP connections (302013–302016), decisions of access lists (106023, 106100 and others) and URLs (304001, 304002).',
  traps: [
    'A Teardown does not say who began: Sluice keeps the Built line of the connection. Lines of connections built before it listened are told by the known port.',
    'Bytes are one sum of both directions, so the report shows traffic but no split of uploads.',
    'With the command names, host names of the configuration replace addresses; such lines have no address. Use no names.',
    'logging timestamp without rfc5424 writes local time without zone: set time_zone of the source.'
  ],
  sample:
    '<166>2026-01-15T10:11:12Z asa1 : %ASA-6-302014: Teardown TCP connection 4711 for outside:203.0.113.9/443 to inside:192.0.2.10/51234 duration 0:00:03 bytes 921947 TCP FINs'
} satisfies Guide

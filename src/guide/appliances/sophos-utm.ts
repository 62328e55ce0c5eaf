import type { Guide } from '../guide.ts'

const steps = (protocol: string) => [
  {
    say: `Logging & Reporting › Log Settings › Remote Syslog Server: switch it on, add a server. Name: sluice. Server: a host definition of {{host}}. Port: a service definition, ${protocol}, destination port {{port}}.`
  }
]

export default {
  id: 'sophos-utm',
  appliance: 'Sophos UTM',
  parsers: ['sophos-utm'],
  firmware: 'UTM 9.5 to 9.7',
  ways: [
    { transport: 'syslog-tcp', why: 'nothing is lost in bursts', steps: steps('TCP') },
    { transport: 'syslog-udp', steps: steps('UDP') }
  ],
  always: [
    { say: 'On the same page, Remote syslog log selection: tick Web Filtering, and Firewall where no proxy is used.' },
    { say: 'Web Protection › Filtering Options: log page accesses; Firewall rules: tick Log traffic.' }
  ],
  reads: 'The web proxy (httpproxy) and packet filter decisions (ulogd).',
  traps: [
    'Times are local and do not say so: set time_zone of the source.',
    'The proxy logs what it sent to the client only: there is no upload. Packet filter lines have no bytes.'
  ],
  sample:
    '<30>2026:01:15-10:11:12 utm1 httpproxy[5207]: id="0001" severity="info" sys="SecureWeb" sub="http" name="http access" action="pass" method="GET" srcip="192.0.2.10" dstip="203.0.113.9" user="alice" ad_domain="CONTOSO" statuscode="200" cached="0" profile="REF_DefaultHTTPProfile (Default Web Filter Profile)" filteraction="REF_DefaultHTTPCFFAction (Default content filter action)" size="920113" request="0xdc871600" url="https://files.example.com/report" referer="" error="" authtime="0" dnstime="1" cattime="1" avscantime="0" fullreqtime="239428" device="0" auth="2" ua="Agent/5" exceptions="" category="105" reputation="trusted" categoryname="Business" content-type="text/html"'
} satisfies Guide

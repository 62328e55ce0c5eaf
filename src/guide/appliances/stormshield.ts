import type { Guide } from '../guide.ts'

const steps = (protocol: string) => [
  {
    say: `Configuration › Notifications › Logs - Syslog - IPFIX, tab Syslog: switch a profile on. Name: sluice. Syslog server: an object of {{host}}. Protocol: ${protocol}. Port: an object of {{port}}. Format: LEGACY or RFC5424, both are read. Advanced: send connections, filter policy, web (HTTP proxy) and application logs. Apply.`
  }
]

export default {
  id: 'stormshield',
  appliance: 'Stormshield Network Security',
  parsers: ['stormshield'],
  firmware: 'SNS 3.7 to 4.8',
  ways: [
    {
      transport: 'syslog-tls',
      why: 'the log is encrypted, and nothing is lost in bursts',
      steps: [
        ...steps('TLS'),
        {
          say: 'Certification authority: the one that issued the collector’s certificate, imported under Objects › Certificates and PKI (SHA-256 of the collector’s certificate: {{fingerprint}}).'
        }
      ]
    },
    { transport: 'syslog-tcp', why: 'nothing is lost in bursts', steps: steps('TCP') },
    { transport: 'syslog-udp', steps: steps('UDP') }
  ],
  always: [{ say: 'Filter rules that lead to the internet: Action › Log level: verbose, or the URL filter that logs.' }],
  reads: 'connection, plugin, web and filter lines.',
  traps: ['A page gives a line of web beside the one of its connection. Both count as transactions.'],
  sample:
    '<134>id=firewall time="2026-01-15 10:11:12" fw="sns1" tz=+0000 startime="2026-01-15 10:11:09" pri=5 confid=01 slotlevel=2 ruleid=7 srcif="Ethernet1" srcifname="in" ipproto=tcp proto=https src=192.0.2.10 srcport=51234 srcportname=ephemeral dst=203.0.113.9 dstport=443 dstportname=https dstname="files.example.com" ipv=4 user="alice" sent=1834 rcvd=920113 duration=3.00 action=pass logtype="connection"'
} satisfies Guide

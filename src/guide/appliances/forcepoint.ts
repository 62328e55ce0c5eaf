import type { Guide } from '../guide.ts'

const steps = (protocol: string) => [
  {
    say: `Forcepoint Security Manager, module Web: Settings › General › SIEM Integration: tick Enable SIEM integration for this Policy Server. IP address or hostname: {{host}}. Port: {{port}}. Transport protocol: ${protocol}. SIEM format: syslog/CEF (or LEEF, or key-value pairs). OK, then Save and Deploy. Repeat for every Policy Server.`
  }
]

export default {
  id: 'forcepoint',
  appliance: 'Forcepoint Web Security',
  parsers: ['forcepoint', 'websense'],
  firmware: 'Web Security 8.5 (on premises)',
  ways: [
    { transport: 'syslog-tcp', why: 'long lines arrive whole', steps: steps('TCP') },
    { transport: 'syslog-udp', steps: steps('UDP') }
  ],
  always: [],
  reads: 'SIEM integration as CEF, LEEF and key=value pairs; cloud reports as CSV; ONE as JSON.',
  traps: [
    'The header’s time is local, rt is not. Sluice takes rt.',
    'Relays may swallow CEF: as the name of a program; such lines are read as well.'
  ],
  sample:
    '<159>Jan 15 10:11:12 192.0.2.60 CEF:0|Forcepoint|Security|8.5.4|194|Transaction permitted|1| act=permitted app=https dvc=198.51.100.1 dst=203.0.113.9 dhost=files.example.com dpt=443 src=192.0.2.10 spt=51234 suser=LDAP://dc1 OU\\=Users,DC\\=contoso,DC\\=example/Alice Example loginID=alice destinationTranslatedPort=0 rt=1768471872000 in=920113 out=1834 requestMethod=GET requestClientApplication=Agent/5 reason=- cs1Label=Policy cs1=Default cs2Label=DynCat cs2=0 cs3Label=ContentType cs3=text/html cn1Label=DispositionCode cn1=1026 cn2Label=ScanDuration cn2=2 request=https://files.example.com/report'
} satisfies Guide

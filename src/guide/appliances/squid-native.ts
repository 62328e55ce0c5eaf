import type { Guide } from '../guide.ts'

const FORMAT = '%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt %>st'

export default {
  id: 'squid-native',
  appliance: 'Squid',
  parsers: ['squid-native', 'squid-common'],
  firmware: 'Squid 3.5 to 7',
  ways: [
    {
      transport: 'syslog-tcp',
      steps: [
        {
          say: 'In squid.conf, beside the access_log that is there. The format is the native one with what the client sent at its end.',
          type: `logformat sluice ${FORMAT}
access_log tcp://{{host}}:{{port}} logformat=sluice on-error=drop`
        }
      ]
    },
    {
      transport: 'syslog-udp',
      steps: [
        {
          say: 'In squid.conf, beside the access_log that is there. The format is the native one with what the client sent at its end.',
          type: `logformat sluice ${FORMAT}
access_log udp://{{host}}:{{port}} logformat=sluice`
        }
      ]
    }
  ],
  always: [{ say: 'Check and take it over:', type: 'squid -k parse && squid -k reconfigure' }],
  check: [{ say: 'Is there a connection:', type: 'ss -tnp | grep squid' }],
  source: `template:
  squid_logformat: '${FORMAT}'`,
  reads: 'The native format, formats derived from it, the common and the combined format; any other as a template.',
  traps: [
    'Without on-error=drop Squid stops when the collector cannot be reached.',
    'The native format has no upload: hence %>st, and the template that reads it.',
    'TLS that is not bumped gives one CONNECT line with the host only.',
    'Squid cuts the query of URLs off by default (strip_query_terms), which is good for privacy.'
  ],
  sample: '1768471872.250    120 192.0.2.10 TCP_TUNNEL/200 920113 CONNECT files.example.com:443 alice HIER_DIRECT/203.0.113.9 - 1834'
} satisfies Guide

import type { Guide } from '../guide.ts'

export default {
  id: 'fortinet-fortigate',
  appliance: 'Fortinet FortiGate',
  parsers: ['fortinet-fortigate'],
  firmware: 'FortiOS 6.4 to 7.6',
  ways: [
    {
      transport: 'syslog-tls',
      why: 'the log is encrypted, and nothing is lost in bursts',
      steps: [
        {
          say: 'Under System › Certificates › Create/Import › CA Certificate import the certificate of the authority that issued the collector’s certificate (SHA-256 of the latter: {{fingerprint}}).'
        },
        {
          say: 'In the CLI. With VDOMs, first: config global.',
          type: `config log syslogd setting
    set status enable
    set server "{{host}}"
    set mode reliable
    set port {{port}}
    set enc-algorithm high
    set ssl-min-proto-version TLSv1-2
    set format default
end`
        }
      ]
    },
    {
      transport: 'syslog-tcp',
      why: 'nothing is lost in bursts',
      steps: [
        {
          say: 'In the CLI. With VDOMs, first: config global.',
          type: `config log syslogd setting
    set status enable
    set server "{{host}}"
    set mode reliable
    set port {{port}}
    set format default
end`
        }
      ]
    },
    {
      transport: 'syslog-udp',
      steps: [
        {
          say: 'In the CLI. With VDOMs, first: config global.',
          type: `config log syslogd setting
    set status enable
    set server "{{host}}"
    set mode udp
    set port {{port}}
    set format default
end`
        }
      ]
    }
  ],
  always: [
    {
      say: 'Send the log of forwarded traffic and of the web filter; the rest is skipped here anyway.',
      type: `config log syslogd filter
    set severity information
    set forward-traffic enable
    set local-traffic disable
    set multicast-traffic disable
    set sniffer-traffic disable
end`
    },
    {
      say: 'Log the end of every session on the policies that lead to the internet (repeat for each policy id; 7 is an example).',
      type: `config firewall policy
    edit 7
        set logtraffic all
        set logtraffic-start disable
    next
end`
    },
    {
      say: 'Host names and URLs come from the web filter: log all of them in the profile that the policies use ("default" is an example).',
      type: `config webfilter profile
    edit "default"
        set log-all-url enable
    next
end`
    }
  ],
  check: [{ say: 'Sends made-up lines of every kind at once:', type: 'diagnose log test' }],
  reads:
    'Traffic lines (forward, sniffer, ztna) and UTM lines of the web filter, application control and SSL inspection, as key=value pairs, in CSV mode and as CEF. Lines that FortiAnalyzer forwards are read as well.',
  traps: [
    'A web request gives two lines, one of traffic (bytes) and one of the web filter (host, URL). Both count as transactions.',
    'Sessions that last log running totals every few minutes; Sluice counts what was added since the last one.',
    'set format cef turns names and the direction of bytes around. It is read, but the default format says more.',
    'In a VDOM with an override (config log syslogd override-setting) the global setting has no effect.'
  ],
  sample:
    '<189>date=2026-01-15 time=10:11:12 devname="fw-hq" devid="FG100FTK00000000" eventtime=1768471872000000000 tz="+0000" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip=192.0.2.10 srcport=51234 srcintf="lan" dstip=203.0.113.9 dstport=443 dstintf="wan1" policyid=7 sessionid=4711 proto=6 action="close" service="HTTPS" user="alice" sentbyte=1834 rcvdbyte=920113 duration=3'
} satisfies Guide

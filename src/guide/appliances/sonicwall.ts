import type { Guide } from '../guide.ts'

export default {
  id: 'sonicwall',
  appliance: 'SonicWall',
  parsers: ['sonicwall'],
  firmware: 'SonicOS 7.0 and 7.1; SonicOS 6.5 has the same settings under Manage › Log Settings',
  ways: [
    {
      transport: 'syslog-udp',
      steps: [
        {
          say: 'Device › Log › Syslog › Syslog Servers › Add. Name or IP Address: an address object of {{host}}. Port: {{port}}. Server Type: Syslog Server. Syslog Format: Enhanced Syslog. Syslog ID: firewall. Switch on Enable.'
        },
        { say: 'Device › Log › Syslog › Syslog Settings: tick Display Syslog Timestamp in UTC.' }
      ]
    }
  ],
  always: [
    {
      say: 'Device › Log › Settings: Logging Level Inform. In the category Network › Network Access switch Syslog on for Connection Closed (537), and in Log or Security Services for Syslog Website Accessed (97) and Website Access Denied (14).'
    },
    {
      say: 'Switch Connection Opened (98) off for syslog: the line of the end says all it says.'
    },
    { say: 'User names need user authentication or SSO agents; host names of HTTPS need Content Filtering with HTTPS filtering.' }
  ],
  check: [{ say: 'Monitor › Logs › System Logs shows the events; a column tells which went to syslog.' }],
  reads:
    'Connections closed (m=537), web sites visited and denied (m=97, 14, 16) and dropped connections, in the formats Default, Enhanced, WebTrends and ArcSight.',
  traps: [
    'Without UTC times are local and do not say so: set time_zone of the source.',
    'A web site gives a line of its own (97) beside the one of its connection (537). Both count as transactions.',
    'The firewall sends UDP only. Keep the collector near, or put a relay that speaks TCP or RELP beside it.'
  ],
  sample:
    '<134>  id=firewall sn=18B169000000 time="2026-01-15 10:11:12 UTC" fw=198.51.100.1 pri=6 c=1024 gcat=6 m=537 msg="Connection Closed" srcMac=00:00:5e:00:53:01 src=192.0.2.10:51234:X0 srcZone=LAN dst=203.0.113.9:443:X1:www.example.com dstZone=WAN usr="alice" proto=tcp/https sent=1834 rcvd=920113 spkt=12 rpkt=888 cdur=3000 rule="to-internet" app=49177 fw_action="NA" n=4711'
} satisfies Guide

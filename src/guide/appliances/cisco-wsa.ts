import type { Guide } from '../guide.ts'

export default {
  id: 'cisco-wsa',
  appliance: 'Cisco Secure Web Appliance (IronPort WSA)',
  parsers: ['cisco-wsa'],
  firmware: 'AsyncOS 11.8 to 15.2',
  ways: [
    {
      transport: 'syslog-tcp',
      why: 'long lines arrive whole',
      steps: [
        {
          say: 'System Administration › Log Subscriptions › accesslogs. Log Style: Squid. Custom Fields (optional): %q. Retrieval Method: Syslog Push. Hostname: {{host}}. Port: {{port}}. Protocol: TCP. Maximum message size: 65535. Facility: any. Submit, Commit Changes.'
        }
      ]
    },
    {
      transport: 'ftp',
      why: 'whole files, with receipts; the appliance sends at every rollover',
      steps: [
        {
          say: 'System Administration › Log Subscriptions › accesslogs. Log Style: Squid. Rollover by Time: 5m. Retrieval Method: FTP on Remote Server. FTP Host: {{host}}. Directory: /SOURCE. Username and Password: those of an account of the receiver (the appliance has no field for a port, so publish {{port}} as 21). Submit, Commit Changes.'
        }
      ]
    },
    {
      transport: 'syslog-udp',
      steps: [
        {
          say: 'System Administration › Log Subscriptions › accesslogs. Log Style: Squid. Retrieval Method: Syslog Push. Hostname: {{host}}. Port: {{port}}. Protocol: UDP. Maximum message size: 9216. Submit, Commit Changes.'
        }
      ]
    }
  ],
  always: [{ say: 'User names need an identification profile that authenticates; URLs of HTTPS need decryption.' }],
  check: [{ say: 'In the CLI, the line as it is written:', type: 'tail accesslogs' }],
  reads: 'The access log in Squid style and Squid details style, by syslog or as a file, and in W3C style by its header.',
  traps: [
    'UDP with the default message size of 1024 cuts long URLs.',
    'The default format has no upload; %q at its end adds the size of the request, which a template reads.',
    'TCP_DENIED/407 is a round of the login and no blocked page; such lines count as blocked without a user.'
  ],
  sample:
    '<134>Jan 15 10:11:12 wsa1 accesslogs: Info: 1768471872.250 120 192.0.2.10 TCP_MISS_SSL/200 920113 GET https://files.example.com:443/report "CONTOSO\\alice@AD" DIRECT/203.0.113.9 text/html DEFAULT_CASE_12-Policy-Identity-NONE-NONE-NONE-DefaultGroup-NONE <"IW_fts",6.9,1,"-",0,0,0,1,"-",-,-,-,"-",1,-,"-","-",-,-,"IW_fts",-,"Unknown","File Transfer Services","-","Unknown","Unknown","-","-",61340.87,0,-,"Unknown","-",-,"-",-,-,"-","-",-,-,"-",-> -'
} satisfies Guide

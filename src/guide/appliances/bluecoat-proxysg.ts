import type { Guide } from '../guide.ts'

const log = `enable
configure terminal
access-log
 enable
 edit log main
  format-name bcreportermain_v1`

export default {
  id: 'bluecoat-proxysg',
  appliance: 'Blue Coat ProxySG, Symantec Edge SWG',
  parsers: ['bluecoat-proxysg'],
  firmware: 'SGOS 6.7 and 7.3',
  ways: [
    {
      transport: 'syslog-tcp',
      why: 'line by line, some seconds behind',
      steps: [
        {
          say: 'In the CLI (the console has it under Configuration › Access Logging › Logs › Upload Client, Client type Custom Client).',
          type: `${log}
  client-type custom
  custom-client primary {{host}} {{port}}
  upload-type text
  continuous-upload enable
  exit
 exit`
        }
      ]
    },
    {
      transport: 'ftp',
      why: 'whole files, which the proxy keeps until they are taken; with receipts',
      steps: [
        {
          say: 'In the CLI; USER, PASSWORD and the directory are those of an account of the receiver, the directory is the name of the source.',
          type: `${log}
  client-type ftp
  ftp-client primary host {{host}} {{port}}
  ftp-client primary path /SOURCE
  ftp-client primary username USER
  ftp-client primary password PASSWORD
  upload-type gzip
  exit
 exit`
        }
      ]
    }
  ],
  always: [
    {
      say: 'The policy must write to the log main (it does unless a rule says access_log(no)); for TLS, use SSL interception, or the report knows hosts only.'
    }
  ],
  check: [{ say: 'When was the log last uploaded, and does a connection stand:', type: 'show access-log statistics main' }],
  reads:
    'The access log in ELFF by its #Fields line, or by the default columns when that was sent before Sluice listened; the key=value form of collectors; the form that is compatible with Squid’s.',
  traps: [
    'Times are GMT by definition.',
    'cs-ip and s-ip are the proxy’s addresses; r-ip or s-supplier-ip is the server’s, and the default columns lack it. The host does.',
    'With columns of your own that are sent without #Fields, paste the line into the source as template.w3c_fields.',
    'The event log (ProxySG - - -) is not the access log and is skipped.'
  ],
  sample:
    '2026-01-15 10:11:12 239 192.0.2.10 alice Staff - OBSERVED "Business" - 200 TCP_NC_MISS GET text/html https files.example.com 443 /report - - "Agent/5" 198.51.100.1 920113 1834 -'
} satisfies Guide

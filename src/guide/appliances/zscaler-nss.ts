import type { Guide } from '../guide.ts'

/** Fields that Sluice reads, with the hex-escaped forms of those that users can choose. */
export const WEB_FEED =
  '\\{"sourcetype":"zscalernss-web","event":\\{"epochtime":"%d{epochtime}","cip":"%s{cip}","elogin":"%s{elogin}","sip":"%s{sip}","ehost":"%s{ehost}","eurl":"%s{eurl}","reqsize":"%d{reqsize}","respsize":"%d{respsize}","totalsize":"%d{totalsize}","action":"%s{action}","proto":"%s{proto}","devicehostname":"%s{devicehostname}"\\}\\}\\n'

export default {
  id: 'zscaler-nss',
  appliance: 'Zscaler Internet Access, NSS virtual machine',
  parsers: ['zscaler-nss', 'zscaler-firewall'],
  firmware: 'ZIA admin portal as of 2025 (the Experience Center has the same under Logs › Streaming)',
  ways: [
    {
      transport: 'syslog-tcp',
      steps: [
        {
          say: 'Administration › Nanolog Streaming Service › NSS Feeds › Add NSS Feed. Feed Name: sluice-web. NSS Type: NSS for Web. NSS Server: the virtual machine. Status: Enabled. SIEM Destination Type: IP Address (or FQDN). SIEM IP Address: {{host}}. SIEM TCP Port: {{port}}. SIEM Rate: Unlimited. Log Type: Web Log.'
        },
        {
          say: 'Feed Output Type: Custom. Feed Escape Character: ,\\" (these three). Feed Output Format:',
          type: WEB_FEED
        },
        { say: 'Timezone: GMT. Duplicate Logs: Disabled. Save, then Activate.' }
      ]
    }
  ],
  always: [
    {
      say: 'The output types QRadar LEEF, ArcSight CEF, JSON, CSV and TSV work as well, unchanged. Any other format of yours: paste it into the source as template.zscaler_feed.'
    },
    { say: 'For the firewall log add a second feed: NSS Type NSS for Firewall, Log Type Firewall Logs, Feed Output Type JSON.' }
  ],
  check: [{ say: 'On the virtual machine: which feeds are connected, and what they sent.', type: 'sudo nss troubleshoot feeds' }],
  reads:
    'Web and firewall logs, as JSON, LEEF, CEF, CSV, TSV and key=value. Records of other kinds (DNS, tunnel, CASB, audit) are skipped.',
  traps: [
    'The virtual machine speaks plain TCP without syslog header and without TLS: keep it beside the collector.',
    'Its own integration with Microsoft (OAuth on the virtual machine) uploads the same log; use one of the two, or everything counts twice.',
    'Times without epochtime are in the zone of the organisation.',
    'A SIEM rate that is set too low loses log lines at Zscaler.'
  ],
  sample:
    '{"sourcetype":"zscalernss-web","event":{"epochtime":"1768471872","cip":"192.0.2.10","elogin":"alice@example.com","sip":"203.0.113.9","ehost":"files.example.com","eurl":"files.example.com/report","reqsize":"1834","respsize":"920113","totalsize":"921947","action":"Allowed","proto":"HTTPS","devicehostname":"LT-0042"}}'
} satisfies Guide

import type { Guide } from '../guide.ts'
import zscaler, { WEB_FEED } from './zscaler-nss.ts'

export default {
  id: 'zscaler-cloud-nss',
  appliance: 'Zscaler Internet Access, Cloud NSS',
  parsers: ['zscaler-nss', 'zscaler-firewall'],
  firmware: 'ZIA admin portal as of 2025 (the Experience Center has the same under Logs › Streaming)',
  ways: [
    {
      transport: 'http-push',
      steps: [
        {
          say: 'Zscaler’s cloud must reach the collector from the internet, under a name with a certificate that a public authority issued. Put a reverse proxy in front, or give the receiver such a certificate (SHA-256 of the one it has: {{fingerprint}}).'
        },
        {
          say: 'Administration › Nanolog Streaming Service › Cloud NSS Feeds › Add Cloud NSS Feed. Feed Name: sluice-web. NSS Type: NSS for Web. Status: Enabled. SIEM Rate: Unlimited. SIEM Type: Other. OAuth 2.0 Authentication: off. Max Batch Size: 512 KB. API URL:',
          type: '{{url}}'
        },
        {
          say: 'HTTP Headers. The value of the first is the secret of the receiver.',
          type: '{{secret_header}}: SECRET\nContent-Encoding: gzip'
        },
        {
          say: 'Log Type: Web Log. Feed Output Type: Custom (or JSON, unchanged). JSON Array Notation: on. Feed Escape Character: ,\\" (these three). Feed Output Format:',
          type: WEB_FEED
        },
        { say: 'Timezone: GMT. Save, press the button that tests the connection (cloud icon), then Activate.' }
      ]
    }
  ],
  always: [{ say: 'For the firewall log add a second feed to the same URL: NSS Type NSS for Firewall, Feed Output Type JSON.' }],
  check: [{ say: 'The list of Cloud NSS feeds shows the state of each, and the last error.' }],
  reads: zscaler.reads,
  traps: [
    'A certificate of your own authority fails the portal’s test.',
    'Zscaler sends a batch again for an hour when it gets no answer or 503; Sluice says 200 only for what is durable.',
    'The body is gzip whether or not the header says so; both are read.',
    'The integration with Microsoft uploads the same log; use one of the two, or everything counts twice.'
  ],
  sample: zscaler.sample
} satisfies Guide

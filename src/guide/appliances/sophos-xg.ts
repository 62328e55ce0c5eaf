import type { Guide } from '../guide.ts'

const add = (secure: string): string =>
  `System services › Log settings › Syslog servers › Add. Name: sluice. IP address/domain: {{host}}. ${secure}Port: {{port}}. Facility: DAEMON. Severity level: Information. Format: Device standard format (SFOS 20 and later: Standard syslog protocol or Device standard format, both are read).`

export default {
  id: 'sophos-xg',
  appliance: 'Sophos Firewall (XG)',
  parsers: ['sophos-xg'],
  firmware: 'SFOS 18.0 to 21.5',
  ways: [
    {
      transport: 'syslog-tls',
      why: 'the log is encrypted, and nothing is lost in bursts',
      steps: [
        {
          say: 'Certificates › Certificate authorities › Add: import the authority that issued the collector’s certificate (SHA-256 of the latter: {{fingerprint}}).'
        },
        { say: add('Tick Secure log transmission. ') }
      ]
    },
    { transport: 'syslog-udp', steps: [{ say: add('') }] }
  ],
  always: [
    {
      say: 'On the same page, under Log settings, tick in the column of the new server: Firewall › Firewall rules; Content filtering › Web filter and Application filter; SSL/TLS filter.'
    },
    {
      say: 'Rules and policies › Firewall rules: tick Log firewall traffic in the rules that lead to the internet, and give them a web policy.'
    }
  ],
  check: [{ say: 'Log viewer (top right) shows the same events.' }],
  reads:
    'Firewall rule lines and content filtering (HTTP, HTTPS, application, SSL), in the device standard format and in the central reporting format.',
  traps: [
    'The zone is an abbreviation (IST is India here). Set time_zone of the source to be sure.',
    'Connections log start, interim and stop; each counts once.',
    'Firewall and web filter each write a line of a web request. Both count as transactions.'
  ],
  sample:
    '<30>device="SFW" date=2026-01-15 time=10:11:12 timezone="UTC" device_name="XGS116" device_id=C00000000000001 log_id=050901616001 log_type="Content Filtering" log_component="HTTP" log_subtype="Allowed" status="" priority=Information fw_rule_id=5 user_name="alice" user_gp="Open Group" iap=13 category="Information Technology" category_type="Acceptable" url="https://files.example.com/report" contenttype="" override_token="" httpresponsecode="" src_ip=192.0.2.10 dst_ip=203.0.113.9 protocol="TCP" src_port=51234 dst_port=443 sent_bytes=1834 recv_bytes=920113 domain=files.example.com exceptions="" activityname="" reason=""'
} satisfies Guide

import type { Guide } from '../guide.ts'

export default {
  id: 'cisco-meraki',
  appliance: 'Cisco Meraki',
  parsers: ['cisco-meraki'],
  firmware: 'MX 15 to 19, dashboard as of 2025',
  ways: [
    {
      transport: 'syslog-udp',
      steps: [
        {
          say: 'Dashboard: Network-wide › Configure › General › Reporting › Add a syslog server. Server IP: {{host}}. Port: {{port}}. Roles: URLs, Flows.'
        },
        {
          say: 'Or by the API, which replaces the whole list of servers of the network:',
          type: `curl -sS -X PUT "https://api.meraki.com/api/v1/networks/$NETWORK_ID/syslogServers" -H "Authorization: Bearer $MERAKI_API_KEY" -H 'Content-Type: application/json' -d '{"servers":[{"host":"{{host}}","port":"{{port}}","roles":["URLs","Flows"]}]}'`
        }
      ]
    }
  ],
  always: [
    { say: 'Flows are logged by the rules that have it on: Security & SD-WAN › Configure › Firewall › Outbound rules, column Logging.' },
    { say: 'The appliance must reach the collector: it sends from the interface that leads there, also through a VPN.' }
  ],
  reads: 'urls, flows, firewall, vpn_firewall, cellular_firewall and ip_flow_start messages.',
  traps: [
    'Meraki logs neither bytes nor user names: the report shows which machines use what, but no traffic and nobody by name.',
    'It sends UDP only, without encryption.',
    'A page of many parts gives many lines of role URLs.'
  ],
  sample:
    '<134>1 1768471872.348215340 MX84 urls src=192.0.2.10:51234 dst=203.0.113.9:443 mac=00:00:5E:00:53:01 request: UNKNOWN https://files.example.com/...'
} satisfies Guide

import t from 'tap'
import { Explainer } from '../../src/explain/explain.ts'
import { loadParsers } from '../../src/parse/load.ts'

const parsers = await loadParsers()
const NOW = Date.parse('2026-02-01T00:00:00Z')

/** What stands in the line where its first problem is said to be. */
function rest(appliance: string, line: string, timeZone = 'UTC'): string {
  const explainer = new Explainer({ parsers, appliance, timeZone, now: NOW })
  explainer.feed(Buffer.from(`${line}\n`))
  const { column = 0 } = explainer.end().problems[0]!
  return Buffer.from(line).toString('utf8', column - 1)
}

t.test('a time that is too old or to come is found in every form', async t => {
  const squid = '1756720800.123   97 10.0.0.7 TCP_MISS/200 1234 GET http://www.example.org/a - HIER_DIRECT/203.0.113.5 text/html'
  t.equal(rest('squid-native', squid), squid, 'an epoch')
  const common = '10.0.0.7 - bob [01/Sep/2025:12:00:00 +0200] "GET http://www.example.org/a HTTP/1.1" 200 1234 TCP_MISS:DIRECT'
  t.match(rest('squid-common', common), /^01\/Sep\/2025:12/)
  t.match(rest('generic-cef', 'CEF:0|a|b|1|1|n|3|msg=x rt=Sep 01 2025 10:00:00 src=10.0.0.7 dst=203.0.113.5 dpt=443'), /^Sep 01 2025/)
  t.match(rest('generic-cef', '<13>2026-03-01T10:00:00Z h CEF:0|a|b|1|1|n|3|src=10.0.0.7 dst=203.0.113.5 dpt=443'), /^2026-03-01T/)
  const pairs =
    '<30>device="SFW" date=2025-09-01 time=10:00:00 timezone="CET" log_id=1 log_type="Firewall" log_component="Firewall Rule" src_ip=10.0.0.7 dst_ip=203.0.113.5 protocol="TCP" dst_port=443'
  t.match(rest('sophos-xg', pairs), /^2025-09-01 time=/, 'date and clock apart: the date')
  const zoned =
    '<14>Sep  1 10:02:09 fw 1,2025/09/01 10:00:00,1,TRAFFIC,end,1,2025/09/01 10:00:00,10.0.0.7,203.0.113.5,,,r,,,ssl,v,t,u,a,b,l,2025/09/01 10:00:00,1,1,5,443,0,0,0x0,tcp,allow,3,1,2'
  t.match(rest('paloalto', zoned, 'Europe/Berlin'), /^2025\/09\/01 10:00:00,1,TRAFFIC/, 'in the zone of the source')
})

t.test('an internal server is found as it is printed', async t => {
  const cef = (server: string) => `CEF:0|a|b|1|1|n|3|rt=Jan 15 2026 10:00:00 src=10.0.0.7 ${server}`
  t.match(rest('generic-cef', cef('dst=10.0.0.7 dpt=443')), /^10\.0\.0\.7 dpt/, 'the server, not the client of the same address')
  t.match(
    rest('generic-cef', cef('dst=::ffff:10.1.2.3 dpt=443')),
    /^(10\.1\.2\.3|::ffff:10)/,
    'also where the record has another form of it'
  )
})

t.test('a short row goes wrong at its end, all else where the message begins', async t => {
  const explainer = new Explainer({ parsers, appliance: 'generic-w3c', timeZone: 'UTC', now: NOW })
  explainer.feed(Buffer.from('#Fields: date time c-ip cs-host\n2026-01-15 10:00:00 10.0.0.7\n'))
  t.match(explainer.end().problems, [{ line: 2, column: '2026-01-15 10:00:00 10.0.0.7'.length + 1 }])
  t.equal(rest('auto', '<13>Jan 15 10:00:00 host hello'), 'hello')
})

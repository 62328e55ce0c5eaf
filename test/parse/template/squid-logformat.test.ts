import t from 'tap'
import { faultsOf, hostileLines, readLine } from './reading.ts'

const NATIVE = '%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt'
const native = (rest: string): string => `1768471872.123    250 10.0.0.7 ${rest}`

t.test('the native format is read as squid-native reads it', async t => {
  const answer = readLine(
    { squid_logformat: NATIVE },
    native('TCP_MISS/200 20480 GET http://www.example.com/a?b alice%20b HIER_DIRECT/203.0.113.9 text/html')
  )
  t.match(answer, {
    outcome: 'parsed',
    parser: 'template-squid-logformat',
    record: {
      time: '2026-01-15T10:11:12.123Z',
      srcIp: '10.0.0.7',
      user: 'alice b',
      dstIp: '203.0.113.9',
      dstHost: 'www.example.com',
      url: 'http://www.example.com/a?b',
      downloadedBytes: 20480,
      action: 'allowed'
    }
  })
  const tunnel = readLine(
    { squid_logformat: `logformat squid ${NATIVE}` },
    native('TCP_TUNNEL/200 9000 CONNECT mail.example.com:443 - FIRSTUP_PARENT/198.51.100.1 -')
  )
  t.match(tunnel.record, { dstHost: 'mail.example.com', dstPort: 443, downloadedBytes: 9000, action: 'allowed' })
  t.notOk('dstIp' in tunnel.record, 'a parent proxy is not the server')
  t.notOk('user' in tunnel.record)
  t.match(
    readLine(
      { squid_logformat: NATIVE },
      `<134>Jan 15 10:11:12 proxy squid[77]: ${native('TCP_DENIED/403 3900 GET http://www.example.com/ - HIER_NONE/- text/html extra columns')}`
    ).record,
    { action: 'blocked' }
  )
})

t.test('what is no request, or the cache itself, is skipped', async t => {
  const line = (rest: string) => readLine({ squid_logformat: NATIVE }, native(rest))
  t.match(line('NONE/000 0 NONE error:transaction-end-before-headers - HIER_NONE/- -'), { outcome: 'skipped', reason: 'not_traffic' })
  t.match(line('UDP_HIT/000 40 ICP_QUERY http://www.example.com/ - HIER_NONE/- -'), { outcome: 'skipped', reason: 'not_traffic' })
  t.match(line('TCP_HIT/200 40 GET http://proxy.example:3128/squid-internal-static/icons/a.png - HIER_NONE/- -'), {
    outcome: 'skipped',
    reason: 'appliance_itself'
  })
})

t.test('ports, sizes of both ways, names of TLS and quoted headers of a format of one’s own', async t => {
  const format = '%>a:%>p %[ui %[un [%tl] "%rm %ru HTTP/%rv" %>Hs %>st %<st "%{Referer}>h" "%{User-Agent}>h" %Ss:%Sh %<a %<p %ssl::>sni %%'
  const row = (client: string) =>
    `${client} - bob [15/Jan/2026:11:11:12 +0100] "CONNECT 203.0.113.9:8443 HTTP/1.1" 200 512 7000 "-" "Mozilla \\"x\\" 5" TCP_TUNNEL:HIER_DIRECT 203.0.113.9 8443 app.example.com %`
  t.match(readLine({ squid_logformat: format }, row('10.0.0.7:51234')).record, {
    time: '2026-01-15T10:11:12.000Z',
    srcIp: '10.0.0.7',
    user: 'bob',
    dstIp: '203.0.113.9',
    dstPort: 8443,
    dstHost: 'app.example.com',
    uploadedBytes: 512,
    downloadedBytes: 7000,
    action: 'allowed'
  })
  t.match(readLine({ squid_logformat: format }, row('2001:db8::10:51234')).record, { srcIp: '2001:db8::10' }, 'colons inside the address')
})

t.test('times with a format of their own, widths and alignment', async t => {
  const format = '%{%Y-%m-%d %H:%M:%S}tl|%-15>a|%-10un|%-6rm|%ru|%<st'
  t.match(
    readLine(
      { squid_logformat: format },
      '2026-01-15 11:11:12|10.0.0.7       |bob       |GET   |http://www.example.com/a|77',
      'Europe/Berlin'
    ).record,
    {
      time: '2026-01-15T10:11:12.000Z',
      srcIp: '10.0.0.7',
      user: 'bob',
      url: 'http://www.example.com/a',
      downloadedBytes: 77
    }
  )
  const split = '%tg %>A %rs %rd %rP %rp'
  t.match(
    readLine({ squid_logformat: `%>a ${split}` }, '10.0.0.7 15/Jan/2026:10:11:12 +0000 pc7.example.com https www.example.com 443 /a/b')
      .record,
    {
      time: '2026-01-15T10:11:12.000Z',
      device: 'pc7.example.com',
      url: 'https://www.example.com/a/b'
    }
  )
})

t.test('codes that Squid does not have, and formats that can give no record, are refused', async t => {
  t.match(faultsOf({ squid_logformat: '%ts %>a %nonsense %ru' }), [/%nonsense at character 9 is no format code of Squid/])
  t.match(faultsOf({ squid_logformat: '%ts %ru' }), [/no client address; add %>a/])
  t.match(faultsOf({ squid_logformat: '%ts %>a' }), [/no server; add %ru/])
  t.match(faultsOf({ squid_logformat: '%{%Q}tl %>a %ru' }), [/time format "%Q" can not be used: %Q is not supported/])
})

t.test('hostile lines of 64 KiB end, with an answer', async t => {
  const quoted = '%>a [%tl] "%rm %ru" "%{User-Agent}>h" %<st'
  for (const line of hostileLines(['1768471872.123 ', 'TCP_MISS/200 ', '10.0.0.7 [15/Jan/2026:10:11:12 +0000] "']))
    for (const squid_logformat of [NATIVE, quoted]) t.not(readLine({ squid_logformat }, line).outcome, 'parsed')
})

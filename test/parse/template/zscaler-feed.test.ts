import t from 'tap'
import { faultsOf, hostileLines, readLine } from './reading.ts'

const TSV = String.raw`%s{time}\t%s{login}\t%s{eurl}\t%s{action}\t%d{reqsize}\t%d{respsize}\t%s{cip}\t%s{sip}\t%s{proto}\n`
const RECORD = {
  time: '2026-01-15T10:11:12.000Z',
  srcIp: '10.0.0.7',
  user: 'alice@example.com',
  dstIp: '203.0.113.9',
  dstHost: 'www.example.com',
  url: 'https://www.example.com/a?b=c',
  uploadedBytes: 120,
  downloadedBytes: 4000,
  totalBytes: 4120,
  action: 'allowed'
}
const VALUES = ['alice@example.com', 'www.example.com/a?b=c', 'Allowed', '120', '4000', '10.0.0.7', '203.0.113.9', 'HTTPS']

t.test('a TAB separated feed is read, after whatever header a relay put before it', async t => {
  const row = ['Thu Jan 15 10:11:12 2026', ...VALUES].join('\t')
  for (const head of ['', '<134>', 'Jan 15 10:11:20 nss ', '<134>Jan 15 10:11:20 nss ', '<134>Jan 15 10:11:20 nss zscaler-nss: ']) {
    const answer = readLine({ zscaler_feed: TSV }, head + row)
    t.match(answer, { outcome: 'parsed', parser: 'template-zscaler-feed', record: RECORD }, head)
  }
})

t.test('separators inside a value are told from those after it by what must follow', async t => {
  const blanks = '%s{time} %s{login} %s{cip} %s{ua} %d{reqsize} %s{eurl}'
  const line = 'Thu Jan 15 10:11:12 2026 Alice von Example 10.0.0.7 Mozilla/5.0 (X11; Linux) Chrome/99 120 www.example.com/a'
  t.match(readLine({ zscaler_feed: blanks }, line).record, {
    user: 'Alice von Example',
    srcIp: '10.0.0.7',
    uploadedBytes: 120,
    url: 'http://www.example.com/a'
  })
  const csv = '"%s{time}","%s{login}","%s{ua}","%s{cip}","%s{ehost}"'
  t.match(readLine({ zscaler_feed: csv }, '"Thu Jan 15 10:11:12 2026",""Doe, John"","a "b", c","10.0.0.7","www.example.com"').record, {
    user: 'Doe, John',
    srcIp: '10.0.0.7',
    dstHost: 'www.example.com'
  })
})

t.test('LEEF, CEF and key=value formats are read by their keys, also when one is missing', async t => {
  const leef = String.raw`%s{mon} %02d{dd} %02d{hh}:%02d{mm}:%02d{ss} zscaler-nss: LEEF:1.0|Zscaler|NSS|4.1|%s{reason}|cat=%s{action}\tdevTime=%s{mon} %02d{dd} %d{yy} %02d{hh}:%02d{mm}:%02d{ss} %s{tz}\tsrc=%s{cip}\tdst=%s{sip}\tusrName=%s{login}\tsrcBytes=%d{reqsize}\tdstBytes=%d{respsize}\turl=%s{eurl}`
  const line = (keys: string[]) =>
    `Jan 15 10:11:12 zscaler-nss: LEEF:1.0|Zscaler|NSS|4.1|Allowed|cat=Allowed\tdevTime=Jan 15 2026 10:11:12 GMT\t${keys.join('\t')}`
  const keys = [
    'src=10.0.0.7',
    'dst=203.0.113.9',
    'usrName=alice@example.com',
    'srcBytes=120',
    'dstBytes=4000',
    'url=www.example.com/a?x=1&dst=2'
  ]
  t.match(readLine({ zscaler_feed: leef }, line(keys)).record, {
    time: RECORD.time,
    srcIp: '10.0.0.7',
    dstIp: '203.0.113.9',
    user: 'alice@example.com',
    downloadedBytes: 4000,
    url: 'http://www.example.com/a?x=1&dst=2',
    action: 'allowed'
  })
  const without = readLine({ zscaler_feed: leef }, line(keys.filter(key => !key.startsWith('usrName') && !key.startsWith('dst='))))
  t.match(without, { outcome: 'parsed', record: { srcIp: '10.0.0.7', uploadedBytes: 120 } })
  t.notOk('user' in without.record)
  t.notOk('dstIp' in without.record)
  const cef =
    'CEF:0|Zscaler|NSSWeblog|5.7|%s{action}|%s{reason}|3|act=%s{action} suser=%s{login} src=%s{cip} dhost=%s{ehost} out=%d{reqsize} in=%d{respsize} rt=%s{mon} %02d{dd} %d{yy} %02d{hh}:%02d{mm}:%02d{ss}'
  const cefLine =
    '<14>Jan 15 10:11:13 nss CEF:0|Zscaler|NSSWeblog|5.7|Blocked|Not allowed|3|act=Blocked suser=Alice Example src=10.0.0.7 dhost=www.example.com out=1 in=2 rt=Jan 15 2026 10:11:12'
  t.match(readLine({ zscaler_feed: cef }, cefLine, 'Europe/Berlin').record, {
    time: '2026-01-15T09:11:12.000Z',
    user: 'Alice Example',
    dstHost: 'www.example.com',
    uploadedBytes: 1,
    downloadedBytes: 2,
    action: 'blocked'
  })
})

t.test('a JSON format is read by its names in any order, with composed times, and broken quotes are salvaged', async t => {
  const json = String.raw`\{ "sourcetype" : "zscalernss-web", "event" : \{"when":"%d{yy}-%02d{mth}-%02d{dd} %02d{hh}:%02d{mm}:%02d{ss}","who":"%s{login}","agent":"%s{ua}","link":"%s{eurl}","up":%d{reqsize},"down":"%d{respsize}","from":"%s{cip}","what":"%s{action}"\}\}\n`
  const event = {
    from: '10.0.0.7',
    when: '2026-01-15 10:11:12',
    who: 'DOMAIN\\alice',
    agent: 'a "b"',
    link: 'www.example.com/a',
    up: 120,
    down: '4000',
    what: 'Blocked'
  }
  const line = JSON.stringify({ event, sourcetype: 'zscalernss-web' })
  const expected = {
    time: RECORD.time,
    user: 'DOMAIN\\alice',
    url: 'http://www.example.com/a',
    uploadedBytes: 120,
    downloadedBytes: 4000,
    action: 'blocked'
  }
  t.match(readLine({ zscaler_feed: json }, line).record, expected)
  const { time, url, action } = expected
  t.match(readLine({ zscaler_feed: json }, line.replaceAll('\\"', '"')).record, { time, url, action }, 'quotes that are not escaped')
})

t.test('firewall counters follow the client, epochs win, and long decisions are known', async t => {
  const feed = '%d{epochtime},%s{login},%s{csip},%s{sdip},%s{cdip},%d{cdport},%d{inbytes},%d{outbytes},%s{action}'
  t.match(
    readLine({ zscaler_feed: feed }, '1768471872,alice%20b,10.0.0.7,0.0.0.0,203.0.113.9,443,900,20,Allow due to insufficient app data')
      .record,
    {
      time: RECORD.time,
      user: 'alice b',
      dstIp: '203.0.113.9',
      dstPort: 443,
      uploadedBytes: 20,
      downloadedBytes: 900,
      action: 'allowed'
    }
  )
})

t.test('a line of another kind is malformed, and says why', async t => {
  t.match(readLine({ zscaler_feed: TSV }, '<118>Mar  1 22:05:35 [10.0.0.1] ZscalerNSS: SIEM Feed connection lost'), {
    outcome: 'malformed',
    reason: 'bad_syntax'
  })
  t.match(readLine({ zscaler_feed: TSV }, ['yesterday', ...VALUES].join('\t')), { outcome: 'malformed', reason: 'bad_time' })
  t.match(readLine({ zscaler_feed: TSV }, 'Thu Jan 15 10:11:12 2026\talice'), { outcome: 'malformed', reason: 'bad_syntax' }, 'a cut line')
})

t.test('a template that can give no record is refused with the reason', async t => {
  t.match(faultsOf({ zscaler_feed: '%s{login}\\t%s{cip}\\t%s{eurl}' }), [/zscaler_feed: it has no time/])
  t.match(faultsOf({ zscaler_feed: '%s{time}\\t%s{eurl}' }), [/no client address/])
  t.match(faultsOf({ zscaler_feed: '%s{time}\\t%s{cip}' }), [/no server/])
  t.match(faultsOf({ zscaler_feed: '%s{time}%s{cip}%s{eurl}' }), [/nothing stands between %s\{cip\} and %s\{eurl\}/])
  t.match(faultsOf({ zscaler_feed: '%s{time} %q %s{cip} %s{eurl}' }), [/"%q %s\{cip\} .*" at character 10 is no field/])
  t.match(faultsOf({ zscaler_feed: 'x'.repeat(20_000) }), [/20000 characters/])
})

t.test('hostile lines of 64 KiB end, with an answer', async t => {
  for (const line of hostileLines(['\tsrc=', 'a\t', '10.0.0.7 ', '{"event":'])) {
    for (const zscaler_feed of [
      TSV,
      '%s{time} %s{login} %s{cip} %s{ua} %d{reqsize} %s{eurl}',
      String.raw`\{"t":"%s{time}","c":"%s{cip}","u":"%s{eurl}"\}`
    ])
      t.not(readLine({ zscaler_feed }, line).outcome, 'parsed')
  }
})

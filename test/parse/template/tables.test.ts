import t from 'tap'
import { faultsOf, hostileLines, readLine, readLines } from './reading.ts'

const TIME = '2026-01-15T10:11:12.000Z'

t.test('W3C rows are read without their header, and a header that comes is heeded', async t => {
  const w3c_fields = '#Fields: date time c-ip cs-username cs-uri sc-bytes cs-bytes s-action'
  const answers = readLines({ w3c_fields }, [
    '2026-01-15 10:11:12 10.0.0.7 "EXAMPLE\\alice b" http://www.example.com/a 4000 120 TCP_MISS',
    '<134>2026-01-15 10:11:12 10.0.0.7 alice http://www.example.com/a 4000 120 TCP_DENIED',
    '2026-01-15 10:11:12 10.0.0.7 alice',
    '#Fields: date time cs-uri c-ip',
    '2026-01-15 10:11:12 http://www.example.com/b 10.0.0.8'
  ])
  t.match(answers, [
    {
      outcome: 'parsed',
      record: { time: TIME, srcIp: '10.0.0.7', user: 'EXAMPLE\\alice b', uploadedBytes: 120, downloadedBytes: 4000, action: 'allowed' }
    },
    { outcome: 'parsed', record: { user: 'alice', action: 'blocked' } },
    { outcome: 'malformed', reason: 'short_row' },
    { outcome: 'skipped', reason: 'header' },
    { outcome: 'parsed', record: { srcIp: '10.0.0.8', url: 'http://www.example.com/b' } }
  ])
  t.match(
    readLine({ w3c_fields: 'timestamp\\tc-ip\\tcs-username\\tcs-host' }, `1768471872\t10.0.0.7\tAlice von Example\twww.example.com`).record,
    { user: 'Alice von Example' }
  )
  t.match(faultsOf({ w3c_fields: '#Fields: c-ip cs-uri' }), [/w3c_fields: it has no time/])
  t.match(faultsOf({ w3c_fields: 'date time cs-uri' }), [/no client address/])
  t.match(faultsOf({ w3c_fields: '#Fields: ' }), [/no field/])
})

t.test('a CSV header is read by the usual names, whatever the separator, with rows that repeat it', async t => {
  const csv_header = 'Date;"Time";Source IP;User Name;URL;Bytes Sent;Bytes Received;Action;Comment'
  t.match(
    readLines({ csv_header }, [
      csv_header,
      '2026-01-15;10:11:12;10.0.0.7;"Doe; ""J""";https://www.example.com/a;120;4000;Blocked;x',
      '<134>Jan 15 10:11:20 fw 2026-01-15;10:11:12;10.0.0.7;-;https://www.example.com/a;120;4000;Allowed',
      '2026-01-15;10:11:12;10.0.0.7'
    ]),
    [
      { outcome: 'skipped', reason: 'header' },
      {
        outcome: 'parsed',
        parser: 'template-csv-header',
        record: { time: TIME, srcIp: '10.0.0.7', user: 'Doe; "J"', uploadedBytes: 120, downloadedBytes: 4000, action: 'blocked' }
      },
      { outcome: 'parsed', record: { action: 'allowed' } },
      { outcome: 'malformed', reason: 'short_row' }
    ]
  )
  t.match(
    readLine({ csv_header: 'timestamp,src_ip,dst_host,protocol' }, '2026-01-15T11:11:12+01:00,10.0.0.7,www.example.com,HTTPS').record,
    { time: TIME, dstHost: 'www.example.com' }
  )
  t.match(faultsOf({ csv_header: 'when,who,what' }), [
    /csv_header: none of its columns is known as time; use template.mapping, or rename one of when, who, what/
  ])
  t.match(faultsOf({ csv_header: 'time,src_ip,user' }), [/server/])
})

t.test('a CSV header row in the log changes the columns from there on, once it names what a record needs', async t => {
  const csv_header = 'timestamp,src_ip,dst_host,bytes_sent,bytes_received'
  t.match(
    readLines({ csv_header }, [
      '2026-01-15T10:11:12Z,10.0.0.7,www.example.com,1,2',
      'bytes_received,"timestamp",user,bytes_sent,src_ip,dst_host',
      '4,2026-01-15T10:11:13Z,alice,3,10.0.0.8,files.example.com',
      'timestamp,user,comment',
      '6,2026-01-15T10:11:14Z,bob,5,10.0.0.9,files.example.com',
      csv_header,
      '2026-01-15T10:11:15Z,10.0.0.10,www.example.com,7,8'
    ]),
    [
      { outcome: 'parsed', record: { srcIp: '10.0.0.7', uploadedBytes: 1, downloadedBytes: 2 } },
      { outcome: 'skipped', reason: 'header' },
      { outcome: 'parsed', record: { srcIp: '10.0.0.8', user: 'alice', uploadedBytes: 3, downloadedBytes: 4 } },
      { outcome: 'malformed' },
      { outcome: 'parsed', record: { srcIp: '10.0.0.9', user: 'bob', uploadedBytes: 5, downloadedBytes: 6 } },
      { outcome: 'skipped', reason: 'header' },
      { outcome: 'parsed', record: { srcIp: '10.0.0.10', uploadedBytes: 7, downloadedBytes: 8 } }
    ]
  )
})

const FIELDS = {
  time: { column: 'when', format: 'dd/MM/yyyy hh:mm:ss a' },
  srcIp: 'from',
  user: 'who',
  url: 'to',
  uploadedBytes: 'up',
  totalBytes: 'sum',
  action: { column: 'verdict', blocked: '^(Blocked|Denied)' }
}

t.test('a mapping of columns reads rows without header, with its own time pattern and expressions', async t => {
  const mapping = { kind: 'csv' as const, delimiter: '|', columns: ['when', 'from', 'who', 'to', 'up', 'sum', 'verdict'], fields: FIELDS }
  const row = (verdict: string) => `05/01/2026 01:02:03 PM|10.0.0.7|"a|b"|www.example.com/x|120|4120|${verdict}`
  t.match(readLine({ mapping }, row('Blocked by policy'), 'Europe/Berlin'), {
    outcome: 'parsed',
    parser: 'template-mapping',
    record: {
      time: '2026-01-05T12:02:03.000Z',
      srcIp: '10.0.0.7',
      user: 'a|b',
      uploadedBytes: 120,
      downloadedBytes: 4000,
      totalBytes: 4120,
      action: 'blocked'
    }
  })
  t.match(readLine({ mapping }, row('anything else')).record, { action: 'allowed' })
  t.notOk('action' in readLine({ mapping }, row('-')).record)
  const strict = { ...mapping, fields: { ...FIELDS, action: { column: 'verdict', blocked: 'Blocked', allowed: '(?i)^allow' } } }
  t.match(readLine({ mapping: strict }, row('ALLOWED')).record, { action: 'allowed' })
  t.notOk('action' in readLine({ mapping: strict }, row('unclear')).record)
  t.match(readLine({ mapping }, row('x').replace('05/01', '31/02')), { outcome: 'malformed', reason: 'bad_time' })
  t.match(readLine({ mapping }, '05/01/2026 01:02:03 PM|10.0.0.7'), { outcome: 'malformed', reason: 'short_row' })
})

t.test('with a header row the columns are where that says, also when it changes', async t => {
  const mapping = { kind: 'csv' as const, fields: { ...FIELDS, time: { column: 'day', clock: 'at', format: 'd.M.yy HH:mm' } } }
  t.match(
    readLines({ mapping }, [
      '5.1.26,13:02,10.0.0.7,alice,www.example.com/x,1,2,Denied',
      'day,at,from,who,to,up,sum,verdict',
      '5.1.26,13:02,10.0.0.7,alice,www.example.com/x,1,2,Denied',
      'verdict,sum,up,to,who,from,at,day',
      'ok,2,1,www.example.com/y,bob,10.0.0.8,13:03,5.1.26'
    ]),
    [
      { outcome: 'malformed', reason: 'no_header' },
      { outcome: 'skipped', reason: 'header' },
      { outcome: 'parsed', record: { time: '2026-01-05T13:02:00.000Z', user: 'alice', action: 'blocked' } },
      { outcome: 'skipped', reason: 'header' },
      { outcome: 'parsed', record: { time: '2026-01-05T13:03:00.000Z', user: 'bob', action: 'allowed' } }
    ]
  )
})

t.test('a mapping of keys reads pairs, whatever separates them; what is missing is absent', async t => {
  const fields = {
    time: { key: 'ts', format: 'epoch_ms' },
    srcIp: 'from',
    user: 'who',
    dstHost: 'to',
    dstIp: 'to',
    action: { key: 'act', blocked: 'no' }
  }
  t.match(
    readLine(
      { mapping: { kind: 'key-value', fields } },
      '<134>Jan 15 10:11:20 fw app: ts=1768471872000 from=10.0.0.7 who="a \\"b\\"" to=www.example.com act=no'
    ).record,
    {
      time: TIME,
      user: 'a "b"',
      dstHost: 'www.example.com',
      action: 'blocked'
    }
  )
  const sparse = readLine(
    {
      mapping: {
        kind: 'key-value',
        delimiter: ';',
        assign: ':',
        fields: { ...fields, time: { key: 'ts', format: "EEE MMM d yyyy 'at' HH:mm:ss XXX" } }
      }
    },
    'ts:Thu Jan 15 2026 at 11:11:12 +01:00;from:10.0.0.7;to:203.0.113.9'
  )
  t.match(sparse.record, { time: TIME, srcIp: '10.0.0.7', dstIp: '203.0.113.9' })
  t.notOk('user' in sparse.record)
  t.match(readLine({ mapping: { kind: 'key-value', fields } }, 'hello world'), { outcome: 'malformed', reason: 'bad_syntax' })
})

t.test('a mapping that can not work is refused, every fault with its path', async t => {
  t.match(
    faultsOf({
      mapping: {
        kind: 'csv',
        delimiter: '::',
        assign: '=',
        header: false,
        fields: { time: { key: 't', format: 'hh:mm' }, srcIp: 'c', action: { column: 'a', blocked: 'a**' } }
      }
    }),
    [
      /mapping\.fields\.time\.key: belongs to kind key-value; give column/,
      /mapping\.delimiter: "::" must be one ASCII character/,
      /mapping\.assign: has no meaning with kind csv/,
      /mapping: the key "columns" is missing/,
      /mapping\.fields: there is no server/,
      /mapping\.fields\.time\.format: can not be used: it has no month/,
      /mapping\.fields\.action\.blocked: can not be used: there is nothing to repeat/
    ]
  )
  t.match(faultsOf({ mapping: { kind: 'key-value', header: true, columns: ['a'], fields: { time: {}, srcIp: 'c', url: 'u' } } }), [
    /mapping\.fields\.time: the key "key" is missing/,
    /mapping\.columns: has no meaning/,
    /mapping\.header: has no meaning/
  ])
})

t.test('hostile lines of 64 KiB end, with an answer', async t => {
  const templates = [
    { w3c_fields: 'date time c-ip cs-username cs-uri' },
    { csv_header: 'time,src_ip,user,url' },
    { mapping: { kind: 'csv' as const, columns: ['when', 'from', 'who', 'to', 'up', 'sum', 'verdict'], header: true, fields: FIELDS } },
    {
      mapping: {
        kind: 'key-value' as const,
        fields: { time: { key: 'a' }, srcIp: 'b', url: 'c', action: { key: 'd', blocked: '(x+x+)+y' } }
      }
    }
  ]
  for (const line of hostileLines(['a=', 'd=xxxxxxxx', 'when,from,', '#Fields: ', '2026-01-15 10:11:12 ']))
    for (const template of templates) {
      const { outcome, rejected } = readLine(template, line)
      t.ok(outcome !== 'parsed' || rejected !== undefined, line.slice(0, 40))
    }
})

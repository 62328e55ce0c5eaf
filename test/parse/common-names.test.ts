import t from 'tap'
import { commonName, isTransaction, meaningOf } from '../../src/parse/common-names.ts'

function meaning(word: string): string | undefined {
  const bytes = Buffer.from(word)
  const index = meaningOf(bytes, 0, bytes.length)
  return index < 0 ? undefined : commonName(index)
}

t.test('a word is known in every usual spelling', async t => {
  for (const word of ['srcip', 'src_ip', 'SrcIP', 'Source IP', 'source-ip', 'SOURCE.IP', 'client_address'])
    t.equal(meaning(word), 'src', word)
  for (const word of ['@timestamp', 'Event Time', 'log_time']) t.equal(meaning(word), 'time', word)
})

t.test('what the client sent is uploaded', async t => {
  for (const word of ['Bytes Sent', 'bytes_out', 'requestSize', 'cs-bytes', 'uploaded_bytes']) t.equal(meaning(word), 'up', word)
  for (const word of ['Bytes Received', 'bytes_in', 'responseSize', 'sc-bytes', 'downloaded_bytes']) t.equal(meaning(word), 'down', word)
})

t.test('unknown, empty and overlong words mean nothing', async t => {
  for (const word of ['', '___', 'session', 's'.repeat(1000)]) t.equal(meaning(word), undefined)
})

t.test('a transaction needs a client, a server and a time', async t => {
  const among = (...names: string[]) => isTransaction(name => names.includes(name))
  t.ok(among('src', 'url', 'time'))
  t.ok(among('src', 'dst', 'date'))
  t.notOk(among('src', 'time', 'port'))
  t.notOk(among('dst', 'host', 'time'))
  t.notOk(among('src', 'dst'))
})

import { deepEqual } from 'node:assert/strict'
import t from 'tap'
import { noCorrections } from '../../src/process/corrections.ts'
import { normalizeUrl } from '../../src/process/url.ts'
import { DST_HOST, DST_IP, DST_PORT, RecordFields, SCHEME_HTTP, SCHEME_HTTPS, SCHEME_UNKNOWN, URL } from '../../src/record.ts'
import fc from '../property-kit.ts'

/** Normalises a URL in a record with a host and port of its own; a blank at the end forces the way by strings. */
function normalized(url: string, host: string, port: number, scheme: number): unknown {
  const buf = Buffer.alloc(32 * 1024)
  const record = new RecordFields()
  record.reset(buf, 8 * 1024, buf.length)
  const end = buf.write(url)
  record.set(URL, 0, end)
  record.set(DST_HOST, end, end + buf.write(host, end))
  record.numbers[DST_PORT] = port
  record.scheme = scheme
  normalizeUrl(record, noCorrections())
  return { url: record.text(URL), host: record.text(DST_HOST), ip: record.text(DST_IP), port: record.numbers[DST_PORT] }
}

const host = fc.constantFrom(
  'example.com',
  'a.b',
  'x_y.example',
  'localhost',
  '192.0.2.7',
  'UPPER.example',
  '0.0.0.0',
  '192.0.2.07',
  '192.0.2.7.',
  'NONE',
  'dot.',
  '.dot',
  'none',
  'na',
  '1.2.3'
)
const urls = fc
  .tuple(
    fc.constantFrom('', 'http://', 'https://', 'HTTP://', 'ftp://', 'tunnel://'),
    host,
    fc.constantFrom('', ':80', ':443', ':8443', ':0', ':99999', ':'),
    fc.constantFrom('', '/', '/path', '/a/b?c=d', '/%20', '/a b', '//x', '?q', '/é', '/@x', '@y', '#f', '/p#f', '/p?q#f#g', '/#é', '/é#f')
  )
  .map(parts => parts.join(''))
const paths = fc.constantFrom('/', '/path', '/a?b=c', '//x', '/a b', '/a#b', '/#')

t.test('the way by bytes and the way by strings agree', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        fc.oneof(urls, paths),
        fc.constantFrom('', 'known.example'),
        fc.constantFrom(-1, 80, 443, 8080),
        fc.constantFrom(SCHEME_UNKNOWN, SCHEME_HTTP, SCHEME_HTTPS),
        (url, known, port, scheme) => {
          deepEqual(normalized(url, known, port, scheme), normalized(`${url} `, known, port, scheme))
        }
      ),
      { numRuns: 3000 }
    )
  )
})

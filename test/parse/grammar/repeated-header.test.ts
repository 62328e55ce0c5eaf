/** A CEF or LEEF header like the last one has the fields that its reader would find. */
import t from 'tap'
import { CefHeader, readCefHeader } from '../../../src/parse/grammar/cef.ts'
import { LeefHeader, readLeefHeader } from '../../../src/parse/grammar/leef.ts'

interface Read {
  starts: Int32Array
  ends: Int32Array
}

const cef = new CefHeader()
const leef = new LeefHeader()

/** Fields of the header at `at`, and where it ends, by a reader that knows others and by a new one. */
function both(text: string, at: number): [string, string] {
  const buf = Buffer.from(`${text}\n    `)
  const end = text.length
  const said = ({ starts, ends }: Read, more: unknown): string =>
    `${[...starts].map((start, i) => buf.toString('latin1', start, ends[i])).join(',')} ${more}`
  if (text.startsWith('CEF:', at)) {
    const read = (header: CefHeader): string => {
      const extension = readCefHeader(buf, at, end, header)
      return extension < 0 ? 'none' : said(header, extension)
    }
    return [read(cef), read(new CefHeader())]
  }
  const read = (header: LeefHeader): string =>
    readLeefHeader(buf, at, end, header) ? said(header, `${header.pairs} ${header.delimiter}`) : 'none'
  return [read(leef), read(new LeefHeader())]
}

t.test('the same header elsewhere, another one, a cut one and the first again', async t => {
  const lines = [
    'CEF:0|Example|Gateway|7.1|100|Web|3|src=1',
    'tag: CEF:0|Example|Gateway|7.1|100|Web|3|src=22 dst=3',
    'CEF:0|Example|Gateway|7.1|100|Web|3',
    'CEF:0|Example|Gateway|7.1|101|Mail|3|src=1',
    'CEF:0|Exam\\|ple|Gateway|7.1|101|Mail|3|src=1',
    'CEF:0|Example|Gateway|7.1|100|Web|3|',
    'LEEF:1.0|Zscaler|NSS|4.1|Allowed|a=1\tb=2',
    'x LEEF:1.0|Zscaler|NSS|4.1|Allowed|a=1|b=2',
    'LEEF:1.0|Zscaler|NSS|4.1|Allowed',
    'LEEF:1.0|Zscaler|NSS|4.1|Blocked|a=1 b=2',
    'LEEF:2.0|Zscaler|NSS|4.1|Blocked|^|a=1^b=2',
    'xx LEEF:2.0|Zscaler|NSS|4.1|Blocked|^|a=1^b=2\tc',
    'LEEF:2.0|Zscaler|NSS|4.1|Blocked|a=1\tb=2',
    'LEEF:2.0|Zscaler|NSS|4.1|Blocked||a=1\tb=2',
    'LEEF:2.0|Zscaler|NSS|4.1|Blocked|x7c|a=1|b=2'
  ]
  for (let i = 0; i < lines.length; i++)
    for (let j = 0; j < lines.length; j++)
      for (const text of [lines[i]!, lines[j]!, lines[i]!]) {
        const at = text.search(/CEF:|LEEF:/)
        const [known, plain] = both(text, at)
        if (known !== plain) t.equal(known, plain, text)
      }
  const [again, plain] = both(lines[1]!, 5)
  t.equal(again, plain)
  const cut = Buffer.from('0|Fortinet|Fortigate|7|13|traffic|3|a=1\n')
  t.doesNotThrow(() => {
    // a relay ate the mark, which would stand before the buffer
    for (let i = 0; i < 2; i++) t.equal(readCefHeader(cut, -4, cut.length - 1, cef), cut.indexOf('a='))
  })
  t.match(again, /^0,Example,Gateway,7.1,100,Web,3 41$/)
})

import t from 'tap'
import { FRAME_MAX_BYTES } from '../../src/contracts.ts'
import { CefHeader, readCefHeader, scanCefExtension } from '../../src/parse/grammar/cef.ts'
import { ACCESS_LOG, BLANK_SEPARATED, CSV, columnMap, type DelimitedSyntax, scanDelimited, TSV } from '../../src/parse/grammar/delimited.ts'
import { JsonLevel, scanJson } from '../../src/parse/grammar/json.ts'
import { salvageJson } from '../../src/parse/grammar/json-salvage.ts'
import { KEY_VALUE_SYNTAX, type KeyValueSyntax, scanKeyValue, scanKnownKeys } from '../../src/parse/grammar/key-value.ts'
import { LeefHeader, readLeefHeader, scanLeef } from '../../src/parse/grammar/leef.ts'
import { KeyTable } from '../../src/parse/values/key-table.ts'
import { Line, Value } from '../../src/parse/values/line.ts'

/** Wanted words, each with a value, as a parser's field table has them. */
class Wanted {
  readonly keys: KeyTable
  readonly values: readonly Value[]
  readonly #line = new Line()

  constructor(words: readonly string[]) {
    this.keys = new KeyTable(words)
    this.values = words.map(() => new Value(this.#line))
  }

  begin(buf: Buffer): void {
    this.#line.buf = buf
    for (const value of this.values) value.start = -1
  }

  /** The values that were set, escapes undone. */
  texts(): Record<string, string> {
    const all: Record<string, string> = {}
    this.keys.words.forEach((word, i) => {
      if (this.values[i]!.seen) all[word] = this.values[i]!.text()
    })
    return all
  }
}

/** The text as a frame in a block: what stands behind it must not matter. */
const framed = (text: string): { buf: Buffer; end: number } => {
  const buf = Buffer.from(`${text}\nsrc=9.9.9.9 "after" |next=1`)
  return { buf, end: Buffer.byteLength(text) }
}

const cef = (text: string, ...words: string[]): Record<string, string> => {
  const { buf, end } = framed(text)
  const wanted = new Wanted(words)
  wanted.begin(buf)
  scanCefExtension(buf, 0, end, wanted.keys, wanted.values)
  return wanted.texts()
}

const cefHeader = (text: string): string[] | undefined => {
  const { buf, end } = framed(text)
  const header = new CefHeader()
  const extension = readCefHeader(buf, text.indexOf('CEF:'), end, header)
  if (extension < 0) return undefined
  return [...header.starts.map((start, i) => header.ends[i]! - start)].map((length, i) =>
    buf.toString('utf8', header.starts[i], header.starts[i]! + length)
  )
}

t.test('CEF: values hold blanks and end before the next key', async t => {
  t.same(cef('src=192.0.2.1 msg=a b  c dst=192.0.2.2', 'src', 'msg', 'dst'), { src: '192.0.2.1', msg: 'a b  c', dst: '192.0.2.2' })
  t.same(cef(' src=192.0.2.1   dst=192.0.2.2  ', 'src', 'dst'), { src: '192.0.2.1', dst: '192.0.2.2' })
  t.same(cef('a=1\tb=2', 'a', 'b'), { a: '1', b: '2' })
  t.same(cef('act= src=192.0.2.1', 'act', 'src'), { act: '', src: '192.0.2.1' })
  t.same(cef('src=', 'src'), { src: '' })
  t.same(cef('', 'src'), {})
})

t.test('CEF: escapes are undone, and protect what they stand before', async t => {
  t.same(cef('request=https://e.example/?a\\=b&c\\=d dst=1', 'request', 'dst'), { request: 'https://e.example/?a=b&c=d', dst: '1' })
  t.same(cef('suser=CONTOSO\\\\bob act=x', 'suser', 'act'), { suser: 'CONTOSO\\bob', act: 'x' })
  t.same(cef('msg=one\\ntwo\\rthree', 'msg'), { msg: 'one\ntwo\rthree' })
  t.same(cef('msg=not a key\\=value src=1', 'msg', 'src', 'key'), { msg: 'not a key=value', src: '1' })
  t.same(cef('msg=ends with\\', 'msg'), { msg: 'ends with\\' })
  t.same(cef('msg=pipe | and \\| stay src=1', 'msg', 'src'), { msg: 'pipe | and | stay', src: '1' })
})

t.test('CEF: equals signs that nobody escaped belong to the value when their word is no key', async t => {
  t.same(cef('msg=Guid:test=1 src=1', 'msg', 'src'), { msg: 'Guid:test=1', src: '1' })
  t.same(cef('msg=this =has = equals src=1', 'msg', 'src', 'has'), { msg: 'this =has = equals', src: '1' })
  t.same(cef('request=https://e.example/?a=b&c=d src=1', 'request', 'src'), { request: 'https://e.example/?a=b&c=d', src: '1' })
  t.same(cef('request=https://e.example/?src=2&x= src=1', 'request', 'src'), { request: 'https://e.example/?src=2&x=', src: '1' })
  t.same(cef('suser=LDAP://h OU\\=A B,DC\\=c/Name act=1', 'suser', 'act'), { suser: 'LDAP://h OU=A B,DC=c/Name', act: '1' })
  t.same(cef('a==b c=1', 'a', 'c'), { a: '=b', c: '1' })
})

t.test('CEF: of repeated keys the first with a value counts, and keys match as a whole and by case', async t => {
  t.same(cef('src=1 src=2', 'src'), { src: '1' })
  t.same(cef('src= src=2', 'src'), { src: '2' })
  t.same(cef('xsrc=1 srcx=2 SRC=3', 'src'), {})
  t.same(cef('ad.user-name[0],x=1 cs1Label=2', 'ad.user-name[0],x', 'cs1Label'), { 'ad.user-name[0],x': '1', cs1Label: '2' })
})

t.test('CEF: the header has seven fields, pipes in them escaped', async t => {
  t.same(cefHeader('CEF:0|Ven\\|dor|Pro\\\\duct|1.0|100|name with | no'), undefined)
  t.same(cefHeader('CEF:0|Ven\\|dor|Pro\\\\duct|1.0|100|a name|High|src=1'), [
    '0',
    'Ven\\|dor',
    'Pro\\\\duct',
    '1.0',
    '100',
    'a name',
    'High'
  ])
  t.same(cefHeader('CEF: 0|||1.0|100||10|'), ['0', '', '', '1.0', '100', '', '10'])
  t.same(cefHeader('Jan 5 ASM:CEF:0|A|B|1|2|3|4|'), ['0', 'A', 'B', '1', '2', '3', '4'])
  for (const cut of ['CEF:', 'CEF:0', 'CEF:0|A|B|1|2|3', 'CEF:0|A|B|1|2|3|4', 'CEF:0|A\\']) t.equal(cefHeader(cut), undefined, cut)
})

const leef = (text: string, ...words: string[]): Record<string, string> | undefined => {
  const { buf, end } = framed(text)
  const header = new LeefHeader()
  if (!readLeefHeader(buf, 0, end, header)) return undefined
  const wanted = new Wanted(words)
  wanted.begin(buf)
  scanLeef(buf, header.pairs, end, header.delimiter, wanted.keys, wanted.values)
  return wanted.texts()
}

t.test('LEEF: the delimiter is declared, or told by the bytes', async t => {
  const expected = { src: '192.0.2.1', usrName: 'a b', url: 'http://e.example/?x=1' }
  const table: [string, string][] = [
    ['1.0 with TAB', 'LEEF:1.0|V|P|1|id|src=192.0.2.1\tusrName=a b\turl=http://e.example/?x=1'],
    ['1.0 with pipe', 'LEEF:1.0|V|P|1|id|src=192.0.2.1|usrName=a b|url=http://e.example/?x=1'],
    ['1.0 with caret', 'LEEF:1.0|V|P|1|id|src=192.0.2.1^usrName=a b^url=http://e.example/?x=1'],
    ['1.0 with blank', 'LEEF:1.0|V|P|1|id|src=192.0.2.1 usrName=a b url=http://e.example/?x=1'],
    ['2.0 declared', 'LEEF:2.0|V|P|1|id|^|src=192.0.2.1^usrName=a b^url=http://e.example/?x=1'],
    ['2.0 in hex', 'LEEF:2.0|V|P|1|id|x5E|src=192.0.2.1^usrName=a b^url=http://e.example/?x=1'],
    ['2.0 in hex with 0x', 'LEEF:2.0|V|P|1|id|0x5e|src=192.0.2.1^usrName=a b^url=http://e.example/?x=1'],
    ['2.0 in hex without x', 'LEEF:2.0|V|P|1|id|5E|src=192.0.2.1^usrName=a b^url=http://e.example/?x=1'],
    ['2.0 in four digits', 'LEEF:2.0|V|P|1|id|0X005e|src=192.0.2.1^usrName=a b^url=http://e.example/?x=1'],
    ['2.0 with what is no number', 'LEEF:2.0|V|P|1|id|xzz|src=192.0.2.1\tusrName=a b\turl=http://e.example/?x=1'],
    ['2.0 with what is no byte', 'LEEF:2.0|V|P|1|id|x100|src=192.0.2.1\tusrName=a b\turl=http://e.example/?x=1'],
    ['2.0 empty', 'LEEF:2.0|V|P|1|id||src=192.0.2.1\tusrName=a b\turl=http://e.example/?x=1'],
    ['2.0 without the field', 'LEEF:2.0|V|P|1|id|src=192.0.2.1\tusrName=a b\turl=http://e.example/?x=1'],
    ['trailing delimiters', 'LEEF:1.0|V|P|1|id|\tsrc=192.0.2.1\t\tusrName=a b\turl=http://e.example/?x=1\t']
  ]
  for (const [name, line] of table) t.same(leef(line, 'src', 'usrName', 'url'), expected, name)
})

t.test('LEEF: a pipe splits only before a key, the first equals sign only splits, the first of repeated keys counts', async t => {
  t.same(leef('LEEF:1.0|V|P|1|id|src=1|url=http://e/?a=1|2&b=3|c|ref=x', 'src', 'url', 'ref'), {
    src: '1',
    url: 'http://e/?a=1|2&b=3|c',
    ref: 'x'
  })
  t.same(leef('LEEF:1.0|V|P|1|id|src=1\tsrc=2\tk\tdst==3', 'src', 'dst'), { src: '1', dst: '=3' })
  for (const cut of ['LEEF:', 'LEEF:1.0|V|P|1', 'LEEF:1.0|V|P|1|id']) t.equal(leef(cut, 'src'), undefined, cut)
  t.same(leef('LEEF:1.0|V|P|1|id|', 'src'), {})
})

const pairs = (text: string, syntax: Partial<KeyValueSyntax>, ...words: string[]): Record<string, string> => {
  const { buf, end } = framed(text)
  const wanted = new Wanted(words)
  wanted.begin(buf)
  scanKeyValue(buf, 0, end, wanted.keys, wanted.values, { ...KEY_VALUE_SYNTAX, ...syntax })
  return wanted.texts()
}

t.test('key=value: quotes, escapes, empty values, words without value', async t => {
  t.same(pairs('a=1 b="two words"  c= d=""\te=5', {}, 'a', 'b', 'c', 'd', 'e'), { a: '1', b: 'two words', c: '', d: '', e: '5' })
  t.same(pairs('msg="say \\"hi\\" src=9" src=1', {}, 'msg', 'src'), { msg: 'say "hi" src=9', src: '1' })
  t.same(pairs('user="DOMAIN\\user" src=1', {}, 'user', 'src'), { user: 'DOMAIN\\user', src: '1' })
  t.same(pairs('user="ends\\\\" src=1', {}, 'user', 'src'), { user: 'ends\\', src: '1' })
  t.same(pairs('user="DOMAIN\\" src=1', { escapes: false }, 'user', 'src'), { user: 'DOMAIN\\', src: '1' })
  t.same(pairs('noise a=1 more noise b=2', {}, 'a', 'b'), { a: '1', b: '2' })
  t.same(pairs('url=http://e/?a=9 a=1', {}, 'url', 'a'), { url: 'http://e/?a=9', a: '1' })
  t.same(pairs('a=1 b="never closed src=2', {}, 'a', 'b', 'src'), { a: '1', b: 'never closed src=2' })
  t.same(pairs('b="cut after\\', {}, 'b'), { b: 'cut after\\' })
  t.same(pairs('a', {}, 'a'), {})
  t.same(pairs('a=', {}, 'a'), { a: '' })
})

t.test('key=value: other separators, and which of repeated keys counts', async t => {
  t.same(pairs('a=1,b="x,y",c=3', { separator: 0x2c }, 'a', 'b', 'c'), { a: '1', b: 'x,y', c: '3' })
  t.same(pairs('a: 1; b:2', { separator: 0x3b, assign: 0x3a }, 'b'), { b: '2' })
  t.same(pairs('a=1 a=2', {}, 'a'), { a: '1' })
  t.same(pairs('a=1 a=2', { repeated: 'last' }, 'a'), { a: '2' })
})

const knownKeys = (text: string, ...words: string[]): Record<string, string> => {
  const { buf, end } = framed(text)
  const wanted = new Wanted(words)
  wanted.begin(buf)
  scanKnownKeys(buf, 0, end, wanted.keys, wanted.values, KEY_VALUE_SYNTAX)
  return wanted.texts()
}

t.test('known keys: a bare value ends where the next key of the format begins', async t => {
  t.same(knownKeys('src zone=Null dst zone=self src=1', 'src zone', 'dst zone', 'src'), {
    'src zone': 'Null',
    'dst zone': 'self',
    src: '1'
  })
  t.same(knownKeys('user=Bob Jones x=y agent=M (a=b; c) url=http://e/?user=9', 'user', 'agent', 'url'), {
    user: 'Bob Jones x=y',
    agent: 'M (a=b; c)',
    url: 'http://e/?user=9'
  })
  t.same(knownKeys('a="q b=1" b=2', 'a', 'b'), { a: 'q b=1', b: '2' })
  t.same(knownKeys('a= b=', 'a', 'b'), { a: '', b: '' })
  t.same(knownKeys('user=1 user=2 b=3', 'user', 'b'), { user: '1', b: '3' })
})

const columns = (text: string, syntax: DelimitedSyntax, count: number): string[] => {
  const { buf, end } = framed(text)
  const wanted = new Wanted(Array.from({ length: count }, (_, i) => `c${i}`))
  wanted.begin(buf)
  const read = scanDelimited(buf, 0, end, columnMap(new Map(wanted.values.map((_, i) => [i, i]))), wanted.values, syntax)
  return Object.values(wanted.texts()).slice(0, read)
}

t.test('delimited: quotes, doubled quotes, empty and missing columns', async t => {
  t.same(columns('a,"b, c",,"d ""e""",f', CSV, 5), ['a', 'b, c', '', 'd "e"', 'f'])
  t.same(columns('a,b', CSV, 5), ['a', 'b'])
  t.same(columns('a,b,', CSV, 5), ['a', 'b', ''])
  t.same(columns('a,"never closed, b', CSV, 5), ['a', 'never closed, b'])
  t.same(columns('"a"x,b', CSV, 2), ['a', 'b'])
  t.same(columns('a\t"b\tc', TSV, 3), ['a', '"b', 'c'])
  t.same(columns('  a   "b c"  d  ', BLANK_SEPARATED, 5), ['a', 'b c', 'd'])
  t.same(columns('1 [05/Jan/2026:09:15:30 +0000] "GET / HTTP" -', ACCESS_LOG, 4), ['1', '[05/Jan/2026:09:15:30 +0000]', 'GET / HTTP', '-'])
  t.same(columns('1 [never closed', ACCESS_LOG, 4), ['1', '[never closed'])
})

const json = (text: string, ...paths: string[]): Record<string, string> | undefined => {
  const { buf, end } = framed(text)
  const wanted = new Wanted(paths)
  wanted.begin(buf)
  const level = new JsonLevel(new Map(paths.map((path, i) => [path, wanted.values[i]!])))
  return scanJson(buf, 0, end, level) < 0 ? undefined : wanted.texts()
}

t.test('JSON: wanted keys by path, everything else passed over', async t => {
  t.same(json('{"a":"1","b":{"c":2,"d":[1,{"a":9}]},"e":null,"f":true}', 'a', 'b.c', 'e', 'f'), { a: '1', 'b.c': '2', f: 'true' })
  t.same(json(' { "a" : "x\\u00e9\\"\\/\\n" , "b" : -1.5e3 } ', 'a', 'b'), { a: 'xé"/\n', b: '-1.5e3' })
  t.same(json('{"x":"{\\"a\\":\\"9\\"}","a":"1"}', 'a'), { a: '1' }, 'a key inside a string is none')
  t.same(json('{"a":["first","second"],"b":[7,8],"c":[]}', 'a', 'b', 'c'), { a: 'first', b: '7' })
  t.same(json('{"a":"1","a":"2"}', 'a'), { a: '1' })
  t.same(json('{"a":00012,"b":"x"}', 'a', 'b'), { a: '00012', b: 'x' }, 'numbers that JSON does not allow')
  t.same(json('{}', 'a'), {})
  for (const broken of ['', 'x', '{', '{"a"', '{"a":', '{"a":"1', '{"a":"1\\', '{"a":{"b":1}', '[1]', '{a:1}'])
    t.equal(json(broken, 'a', 'z.b'), undefined, broken)
})

/** A buffer that counts how often one of its bytes is read: the work of a scan, whatever the machine does. */
function counting(buf: Buffer): { bytes: Buffer; reads: () => number } {
  let reads = 0
  const bytes = new Proxy(buf, {
    get(target, property) {
      if (typeof property === 'string' && property.charCodeAt(0) <= 0x39) reads++
      const found: unknown = Reflect.get(target, property)
      return typeof found === 'function' ? found.bind(target) : found
    }
  })
  return { bytes, reads: () => reads }
}

const HOSTILE = [
  '"',
  '\\',
  '\\"',
  '=',
  ' =',
  '= ',
  'a=',
  ' a=',
  ' a= b',
  'src=',
  ' src=',
  ' src="',
  'src="\\',
  ' srcsrcsrcsrcsrc=',
  '|',
  '|src=',
  '|a',
  '|aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  '^a',
  ' ',
  '\t',
  ',',
  '"",',
  '",',
  '[',
  '] ',
  '{',
  '{"src":',
  '[{',
  '"src":"",',
  '"src":[',
  '}',
  'aaaa',
  'aaaa aaaa '
]

t.test('no hostile line costs more than a fixed number of reads per byte', async t => {
  const words = ['src', 'dst', 'src zone', 'a much longer key than others']
  const scans: [string, string, (buf: Buffer, end: number, wanted: Wanted) => void][] = [
    ['CEF', '', (buf, end, wanted) => scanCefExtension(buf, 0, end, wanted.keys, wanted.values)],
    ['CEF header', 'CEF:0|', (buf, end) => readCefHeader(buf, 0, end, new CefHeader())],
    [
      'LEEF',
      'LEEF:2.0|V|P|1|id|',
      (buf, end, wanted) => {
        const header = new LeefHeader()
        if (readLeefHeader(buf, 0, end, header)) scanLeef(buf, header.pairs, end, header.delimiter, wanted.keys, wanted.values)
      }
    ],
    ['LEEF by pipes', '', (buf, end, wanted) => scanLeef(buf, 0, end, 0x7c, wanted.keys, wanted.values)],
    ['LEEF by blanks', '', (buf, end, wanted) => scanLeef(buf, 0, end, 0x20, wanted.keys, wanted.values)],
    ['key=value', '', (buf, end, wanted) => scanKeyValue(buf, 0, end, wanted.keys, wanted.values, KEY_VALUE_SYNTAX)],
    ['known keys', '', (buf, end, wanted) => scanKnownKeys(buf, 0, end, wanted.keys, wanted.values, KEY_VALUE_SYNTAX)],
    [
      'CSV',
      '',
      (buf, end, wanted) => {
        scanDelimited(buf, 0, end, columnMap(new Map([[100_000, 0]])), wanted.values, CSV)
      }
    ],
    [
      'access log',
      '',
      (buf, end, wanted) => {
        scanDelimited(buf, 0, end, columnMap(new Map([[30_000, 0]])), wanted.values, ACCESS_LOG)
      }
    ],
    ['broken JSON', '{', (buf, end, wanted) => salvageJson(buf, 0, end, wanted.keys, wanted.values)],
    [
      'JSON',
      '{',
      (buf, end, wanted) => {
        scanJson(buf, 0, end, new JsonLevel(new Map(wanted.values.map((value, i) => [`${'src.'.repeat(i)}${words[0]}`, value]))))
      }
    ]
  ]
  for (const [name, head, scan] of scans) {
    for (const pattern of HOSTILE) {
      const reads = [4 * 1024, 8 * 1024].map(size => {
        const text = (head + pattern.repeat(Math.ceil(size / pattern.length))).slice(0, size)
        const { bytes, reads: count } = counting(Buffer.from(`${text}\n`))
        const wanted = new Wanted(words)
        wanted.begin(bytes)
        scan(bytes, size, wanted)
        return count()
      })
      // the longest frame there is: ends at all
      const longest = Buffer.from(`${(head + pattern.repeat(FRAME_MAX_BYTES)).slice(0, FRAME_MAX_BYTES)}\n`)
      const wanted = new Wanted(words)
      wanted.begin(longest)
      scan(longest, FRAME_MAX_BYTES, wanted)
      t.ok(reads[1]! <= reads[0]! * 2.1 + 1000, `${name} of ${JSON.stringify(pattern)}: ${reads} reads`)
    }
  }
})

t.test('a scan never looks more than one byte past the frame', async t => {
  for (const pattern of HOSTILE) {
    for (const size of [1, 2, 3, 7, 64]) {
      const text = pattern.repeat(size).slice(0, size)
      const buf = Buffer.from(`${text}\n`) // reading further would give undefined, which no comparison takes for a byte
      const wanted = new Wanted(['src'])
      const scans = [
        () => scanCefExtension(buf, 0, size, wanted.keys, wanted.values),
        () => scanKeyValue(buf, 0, size, wanted.keys, wanted.values, KEY_VALUE_SYNTAX),
        () => scanKnownKeys(buf, 0, size, wanted.keys, wanted.values, KEY_VALUE_SYNTAX),
        () => scanLeef(buf, 0, size, 0x7c, wanted.keys, wanted.values),
        () => scanDelimited(buf, 0, size, columnMap(new Map([[0, 0]])), wanted.values, CSV),
        () => scanJson(buf, 0, size, new JsonLevel(new Map([['src', wanted.values[0]!]])))
      ]
      for (const scan of scans) {
        wanted.begin(buf)
        scan()
        const value = wanted.values[0]!
        t.ok(value.start === -1 || (value.start <= value.end && value.end <= size), `${JSON.stringify(text)}: ${value.start}…${value.end}`)
      }
    }
  }
})

t.test('a key table finds its words and nothing else, whatever hashes alike', async t => {
  const words = Array.from({ length: 300 }, (_, i) => `key${i * 7}`)
  const table = new KeyTable(words)
  words.forEach((word, i) => {
    const buf = Buffer.from(word)
    t.equal(table.indexOf(buf, 0, buf.length), i)
  })
  for (let i = 0; i < 2100; i++) {
    const word = `key${i}`
    if (i % 7 !== 0) t.equal(table.indexOf(Buffer.from(word), 0, word.length), -1)
  }
  const ignoring = new KeyTable(['allow', 'deny'], { ignoreCase: true })
  t.equal(ignoring.indexOf(Buffer.from('DeNy'), 0, 4), 1)
  t.equal(ignoring.indexOf(Buffer.from('DeN9'), 0, 4), -1)
})

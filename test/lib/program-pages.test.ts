import { readFileSync } from 'node:fs'
import t from 'tap'
import { cleanMappings, forgetProgramPages } from '../../src/lib/program-pages.ts'

const residentFileBytes = (): number => Number(/^RssFile:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024

const mapping = (head: string, anonymousKilobytes: number): string =>
  `${head}\nSize:               1024 kB\nRss:                 512 kB\nAnonymous:      ${String(anonymousKilobytes).padStart(6)} kB\nVmFlags: rd mr mw me\n`

t.test('only what nobody can have changed counts as clean', t => {
  const smaps = [
    mapping('00400000-00500000 r--p 00000000 08:01 7    /usr/bin/node', 0),
    mapping('00500000-00700000 r-xp 00100000 08:01 7    /usr/bin/node', 0),
    mapping('00700000-00800000 r--p 00300000 08:01 7    /usr/bin/node', 4), // relocated
    mapping('00800000-00900000 rw-p 00400000 08:01 7    /usr/bin/node', 0),
    mapping('00900000-00a00000 r--s 00400000 08:01 7    /usr/bin/node', 0),
    mapping('7f0000000000-7f0000100000 r-xp 00000000 08:01 9    /usr/lib/libc.so.6', 0),
    mapping('7f0000200000-7f0000300000 r--p 00000000 00:00 0 ', 0)
  ].join('')
  t.same(cleanMappings(smaps, '/usr/bin/node'), [
    { start: 0x400000, bytes: 0x100000 },
    { start: 0x500000, bytes: 0x200000 }
  ])
  t.end()
})

t.test('pages of the program are given back, and come back when they are used', t => {
  const before = residentFileBytes()
  forgetProgramPages()
  const given = before - residentFileBytes()
  t.ok(given > 10e6, `${given} bytes given back`)
  // Parts of Node that were not used yet: a compiler, ICU, a regular expression.
  t.equal(new Function('return [3, 1, 2].sort().join()')(), '1,2,3')
  t.match(new Intl.DateTimeFormat('de', { timeZone: 'Asia/Tokyo', dateStyle: 'full' }).format(0), /1\. Januar 1970/)
  t.match('some text', /(?<=some )text/u)
  t.end()
})

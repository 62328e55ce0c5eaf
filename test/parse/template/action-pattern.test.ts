import t from 'tap'
import { ActionPattern } from '../../../src/parse/template/action-pattern.ts'

const VALUES = [
  '',
  'Blocked',
  'blocked',
  'Blocked by policy',
  'not Blocked',
  'Denied',
  'Allowed',
  'a-b',
  '403',
  '40',
  'x]y',
  'ab',
  'aab',
  'abab',
  'a\tb',
  'A.B',
  'AxB',
  'ä'
]
const EXPRESSIONS = [
  'Blocked',
  'Blocked(.*)',
  '^Blocked$',
  '^(Blocked|Denied)',
  'a*b',
  '^a+b$',
  '^(ab)+$',
  '^(?:ab){2}$',
  '^a{2,}b',
  '^.{2,3}$',
  '\\d+',
  '^\\d{3}$',
  '[0-9]',
  '[^a-z]',
  '^[\\w -]+$',
  '\\s',
  '\\S\\D',
  'A\\.B',
  '(a|b|)c?',
  '^$',
  'x\\]',
  '[]x]y',
  '[a-]',
  '(a*)*b',
  '^(a|aa)+$',
  'Blocked|',
  'B?l',
  'a??b',
  '\\t',
  '[\\d.]',
  'a{b',
  '^\\W'
]

t.test('an expression finds what the one of JavaScript finds', async t => {
  for (const text of EXPRESSIONS) {
    const pattern = new ActionPattern(text)
    const twin = new RegExp(text.replace('[]x]', '[\\]x]'), 's')
    for (const value of VALUES) t.equal(pattern.test(value), twin.test(value), `${text} on ${JSON.stringify(value)}`)
  }
})

t.test('(?i) ignores case, also in sets', async t => {
  t.ok(new ActionPattern('(?i)^bLOCKED').test('Blocked'))
  t.ok(new ActionPattern('(?i)[a-c]+$').test('xAB'))
  t.notOk(new ActionPattern('blocked').test('Blocked'))
})

t.test('expressions that make others backtrack are answered, and only the first 256 characters are judged', async t => {
  for (const text of ['(a+)+$', '(a|a)*b', '(.*)*x', '(a*)*(a*)*(a*)*b', '(x+x+)+y'])
    t.notOk(new ActionPattern(`^(?:${text})c`).test('a'.repeat(100_000)))
  t.notOk(new ActionPattern('b').test(`${'a'.repeat(256)}b`))
  t.ok(new ActionPattern('b').test(`${'a'.repeat(255)}b`))
})

t.test('what is not supported is refused, with the reason', async t => {
  const refused: [string, RegExp][] = [
    ['(?=a)', /looks around/],
    ['(?<!a)b', /looks around/],
    ['(?<name>a)', /names a group/],
    ['(a)\\1', /\\1 is not supported/],
    ['\\bword', /\\b is not supported/],
    ['(a', /"\(" has no "\)"/],
    ['a)', /"\)" without "\("/],
    ['[a', /"\[" has no "\]"/],
    ['*a', /nothing to repeat/],
    ['^*', /nothing to repeat/],
    ['a**', /nothing to repeat/],
    ['a\\', /backslash/],
    ['[z-a]', /backwards/],
    ['a{99}', /no good/],
    ['a{3,2}', /no good/],
    ['((a{60}){60}){60}', /too large/],
    ['('.repeat(50), /nested/],
    ['a'.repeat(600), /600 characters/]
  ]
  for (const [text, message] of refused) t.throws(() => new ActionPattern(text), { name: 'SyntaxError', message }, text)
})

import t from 'tap'
import { formatUser, Privacy, type PrivacyOptions } from '../../src/process/privacy.ts'
import { filled, type RawRecord } from '../record-kit.ts'

const DOMAINS = { CONTOSO: 'contoso.example' }

const apply = (options: Partial<PrivacyOptions>, raw: RawRecord) => {
  const fields = filled({ time: 1, ...raw })
  new Privacy({ stripQuery: false, userFormat: 'asIs', userDomains: DOMAINS, ...options }).apply(fields)
  return fields.toRecord()
}

t.test('the query goes, and only the query', async t => {
  const cases: [url: string, left: string][] = [
    ['https://a.example/new?a=1&b=2', 'https://a.example/new'],
    ['https://a.example/?', 'https://a.example/'],
    ['https://a.example/a??b?c', 'https://a.example/a'],
    ['https://a.example/a%3Fb', 'https://a.example/a%3Fb'],
    ['https://a.example/', 'https://a.example/']
  ]
  for (const [url, left] of cases) t.equal(apply({ stripQuery: true }, { url }).url, left)
  for (let path = 0; path < 9; path++) {
    for (let query = 0; query < 9; query++) {
      const url = `https://a.example/${'x'.repeat(path)}`
      t.equal(apply({ stripQuery: true }, { url: `${url}?${'>'.repeat(query)}` }).url, url, `${query} bytes after ${path} of a path`)
    }
  }
  t.equal(apply({ stripQuery: false }, { url: cases[0]![0] }).url, cases[0]![0], 'unless it is to stay')
  t.equal(apply({ stripQuery: true }, {}).url, undefined)
})

t.test('users take the form that is asked for', async t => {
  const cases: [user: string, name: string, upn: string][] = [
    ['CONTOSO\\bob', 'bob', 'bob@contoso.example'],
    ['contoso\\bob', 'bob', 'bob@contoso.example'],
    ['OTHER\\bob', 'bob', 'OTHER\\bob'],
    ['LDAP://dc.contoso.example/CN=Bob Jones,OU=Staff,DC=contoso', 'Bob Jones', 'Bob Jones'],
    ['cn=Bob Jones,ou=Staff', 'Bob Jones', 'Bob Jones'],
    ['CN=Jones\\, Bob,OU=Staff', 'Jones, Bob', 'Jones, Bob'],
    ['LDAP://dc/OU=Staff,CN=Müller Jörg', 'Müller Jörg', 'Müller Jörg'],
    ['bob@contoso.example', 'bob', 'bob@contoso.example'],
    ['Bob@Contoso.Example', 'Bob', 'Bob@Contoso.Example'],
    ['bob', 'bob', 'bob'],
    ['@bob', '@bob', '@bob'],
    ['\\bob', '\\bob', '\\bob'],
    ['a CN=b', 'a CN=b', 'a CN=b']
  ]
  for (const [user, name, upn] of cases) {
    t.equal(formatUser(user, 'name', DOMAINS), name, `name of ${user}`)
    t.equal(formatUser(user, 'upn', DOMAINS), upn, `upn of ${user}`)
    t.equal(apply({ userFormat: 'name' }, { user }).user, name, `record with the name of ${user}`)
    t.equal(apply({ userFormat: 'upn' }, { user }).user, upn, `record with the upn of ${user}`)
    t.equal(apply({}, { user }).user, user, `${user} as it is`)
  }
})

t.test('a user of whom nothing is left is absent', async t => {
  t.equal(apply({ userFormat: 'name' }, { user: 'CONTOSO\\' }).user, undefined)
})

t.test('names of built-in properties are no domains', async t => {
  for (const user of ['__proto__\\bob', 'constructor\\bob', 'toString\\bob']) t.equal(formatUser(user, 'upn', {}), user)
})

t.test('device, addresses and host are left alone', async t => {
  const raw = { srcIp: '10.0.0.1', device: 'CONTOSO\\pc', dstHost: 'a.example', url: 'https://a.example/x?y', user: 'CONTOSO\\bob' }
  t.match(apply({ stripQuery: true, userFormat: 'name' }, raw), { ...raw, url: 'https://a.example/x', user: 'bob' })
})

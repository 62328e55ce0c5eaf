import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { secretExpiries } from '../../src/upload/secret-expiry.ts'
import { testDir } from '../test-dir.ts'

t.test('a day of the configuration is the end of the token or of the client secret', async t => {
  const endsMs = Date.parse('2027-01-31T00:00:00Z')
  t.same(await secretExpiries({ token: 'a', secret_ends: '2027-01-31' }), [{ secret: 'token', endsMs }])
  t.same(await secretExpiries({ client_secret: 'a', secret_ends: '2027-01-31' }), [{ secret: 'client_secret', endsMs }])
  t.same(await secretExpiries({ token: 'a' }), [], 'without one nothing is known')
  t.same(await secretExpiries({}), [])
})

t.test('a certificate says itself when it ends, also behind its key', async t => {
  const dir = testDir(t)
  const [key, certificate] = [join(dir, 'key.pem'), join(dir, 'certificate.pem')]
  const request = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '20',
    '-subj',
    '/CN=sluice'
  ]
  execFileSync('openssl', [...request, '-keyout', key, '-out', certificate], { stdio: 'ignore' })
  const both = join(dir, 'both.pem')
  writeFileSync(both, readFileSync(key, 'utf8') + readFileSync(certificate, 'utf8'))
  const [found, ...rest] = await secretExpiries({ certificate_file: both })
  t.same(rest, [])
  t.equal(found?.secret, 'certificate')
  t.ok(Math.abs(found!.endsMs - Date.now() - 20 * 86_400_000) < 86_400_000)
})

t.test('a certificate that cannot be read is left out', async t => {
  t.same(await secretExpiries({ certificate_file: join(testDir(t), 'none.pem') }), [])
})

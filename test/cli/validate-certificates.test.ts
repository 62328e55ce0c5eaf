import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runCommandLine } from '../../src/cli/command-line.ts'
import { checkCertificate } from '../../src/pipeline/certificate-check.ts'
import { TestAuthority } from '../receivers/tls-kit.ts'
import { testDir } from '../test-dir.ts'
import { memoryIo } from './memory-io.ts'

const DAY_MS = 24 * 60 * 60e3
const authority = new TestAuthority()
const good = authority.issue('collector.example.com', 30)
const other = authority.issue('other.example.com', 5)

const tls = (cert: string, key: string) => ({
  cert_file: cert,
  key_file: key,
  client_certificate: 'none' as const,
  client_names: [],
  min_version: 'TLSv1.2' as const,
  reload_interval: 5000,
  session_tickets: 'warn' as const
})

const check = (cert: string, key: string, nowMs = Date.now()) => checkCertificate('receiver x', tls(cert, key), nowMs)

t.test('a good certificate tells for whom and until when it counts', async t => {
  const result = await check(good.cert, good.key)
  t.match(result, { name: `receiver x: certificate ${good.cert}`, ok: true, detail: /^DNS:collector\.example\.com; until 20\d\d-/ })
  t.notMatch(result.detail, 'renew')
})

t.test('a certificate that ends soon is fine, and says so', async t => {
  t.match(await check(other.cert, other.key), { ok: true, detail: /, in 4 days: renew it$/ })
})

t.test('a certificate counts neither before nor after its time', async t => {
  t.match(await check(good.cert, good.key, Date.now() + 31 * DAY_MS), { ok: false, detail: /^ended 20/ })
  t.match(await check(good.cert, good.key, Date.now() - 31 * DAY_MS), { ok: false, detail: /^begins 20.*clock/ })
})

t.test('files that are missing, broken, or do not belong together are named', async t => {
  t.match(await check('/missing.pem', good.key), { ok: false, detail: /Cannot read TLS file "\/missing\.pem"/ })
  t.match(await check(good.cert, other.key), { ok: false, detail: /Cannot use the TLS files .*key/ })
  const broken = join(testDir(t), 'broken.pem')
  writeFileSync(broken, 'nothing')
  t.match(await check(broken, good.key), { ok: false, detail: /Cannot use the TLS files/ })
})

t.test('validate binds every listener and reads every certificate', async t => {
  const files = (pair: { cert: string; key: string }) => `{ cert_file: "${pair.cert}", key_file: "${pair.key}" }`
  const config = (pair: { cert: string; key: string }) => `receivers:
  - { type: syslog, listen: "127.0.0.1:0" }
  - { type: syslog-tls, listen: "127.0.0.1:0", tls: ${files(good)} }
  - { type: relp, listen: "127.0.0.1:0", tls: ${files(pair)} }
  - { type: http-push, listen: "127.0.0.1:0", secret: "push-secret" }
admin: { listen: "127.0.0.1:0" }
tenant: { local: { listen: "127.0.0.1:0" } }
`
  const cwd = testDir(t, { 'good.yaml': config(other), 'bad.yaml': config({ cert: good.cert, key: other.key }) })
  const run = async (...args: string[]) => {
    const io = memoryIo(cwd)
    return { code: await runCommandLine(['validate', ...args], io), out: io.out(), err: io.err() }
  }
  const text = await run('-c', 'good.yaml')
  t.match(text, { code: 0, err: '' })
  t.match(text.out, /receiver syslog-tls: certificate .*: DNS:collector\.example\.com; until/)
  t.match(text.out, /receiver relp: certificate .*: DNS:other\.example\.com; until .*renew it/)
  const { environment } = JSON.parse((await run('-c', 'good.yaml', '--json')).out) as { environment: { name: string; ok: boolean }[] }
  t.match(
    environment.map(({ name }) => name),
    [
      'receiver syslog: udp 127.0.0.1:0',
      'receiver syslog: tcp 127.0.0.1:0',
      'receiver syslog-tls: tcp 127.0.0.1:0',
      /receiver syslog-tls: certificate /,
      'receiver relp: tcp 127.0.0.1:0',
      /receiver relp: certificate /,
      'receiver http-push: tcp 127.0.0.1:0'
    ]
  )
  t.match(await run('-c', 'bad.yaml'), { code: 1, err: /receiver relp: certificate .*: Cannot use the TLS files/ })
})

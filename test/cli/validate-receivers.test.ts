/** `sluice validate` binds, reads and tries what every type of receiver needs at its start. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkEnvironment } from '../../src/cli/environment-check.ts'
import { parseConfig } from '../../src/config/load.ts'
import { TestAuthority } from '../receivers/tls-kit.ts'
import { testDir } from '../test-dir.ts'

const { cert, key } = new TestAuthority().issue('collector.example.com')
const TLS = `tls: { cert_file: ${cert}, key_file: ${key} }`
const REST = "admin: { listen: '127.0.0.1:0' }\ntenant: { local: { listen: '127.0.0.1:0' } }"

/** What the checks say of receivers; the folder is the working directory. */
async function checked(t: Test, receivers: string, dir: string) {
  const text = `receivers: [${receivers}]\nsources: [{ name: a }]\n${REST}`
  const { config } = parseConfig(text, { env: {}, cwd: dir, file: 'x.yaml' })
  const checks = await checkEnvironment(config)
  t.ok(checks.length > 3)
  return checks.filter(({ name }) => name.startsWith('receiver '))
}

const ALL = `{ type: syslog, listen: '127.0.0.1:0' }, { type: syslog-tls, listen: '127.0.0.1:0', ${TLS} }, { type: relp, listen: '127.0.0.1:0', ${TLS} },
  { type: http-push, listen: '127.0.0.1:0', anonymous: true, ${TLS} },
  { type: ftp, listen: '127.0.0.1:0', accounts: [{ password_file: pass }], ${TLS} },
  { type: sftp, listen: '127.0.0.1:0', host_key_files: [host-key], accounts: [{ authorized_keys_file: keys }] },
  { type: file-drop, folder: in },
  { type: blob-pull, s3: { bucket: b, access_key_id: i, secret_access_key: s } }, { type: menlo-pull, token: t }`

t.test('every type of receiver is tried', async t => {
  const dir = testDir(t, { pass: 'a password\n', keys: 'ssh-ed25519 AAAA\n', in: {} })
  const checks = await checked(t, ALL, dir)
  t.same(
    checks.filter(({ ok }) => !ok),
    []
  )
  const names = checks.map(({ name }) => name).join('\n')
  for (const type of ['syslog', 'syslog-tls', 'relp', 'http-push', 'ftp', 'sftp', 'file-drop', 'blob-pull', 'menlo-pull'])
    t.match(names, new RegExp(`^receiver ${type}: `, 'm'))
  for (const what of ['udp 127', 'tcp 127', 'certificate ', 'pass', 'keys', 'in', 'pulls']) t.match(names, what)
})

t.test('what a start would fail at is said', async t => {
  const dir = testDir(t, { pass: 'a password\n', keys: '' })
  writeFileSync(join(dir, 'host-key'), '')
  const failed = (await checked(t, ALL, dir)).filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`)
  t.match(failed, [/^receiver sftp: .*host-key: is empty/, /^receiver sftp: .*keys: is empty/, /^receiver file-drop: .*in: is not there/])
  mkdirSync(join(dir, 'in'))
  const holder = createServer()
  await new Promise<void>(resolve => holder.listen(0, '127.0.0.1', resolve))
  t.teardown(() => holder.close())
  const { port } = holder.address() as { port: number }
  const taken = await checked(t, `{ type: relp, listen: '127.0.0.1:${port}' }`, dir)
  t.match(taken, [{ ok: false, detail: /in use/ }])
})

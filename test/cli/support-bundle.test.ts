/** A support bundle holds what helps and no secret, also beside a collector that has them in its configuration. */
import { spawnSync } from 'node:child_process'
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startAdmin } from '../../src/admin/server.ts'
import { runCommandLine } from '../../src/cli/command-line.ts'
import { fakeSource } from '../admin/fake-source.ts'
import { testDir } from '../test-dir.ts'
import { memoryIo } from './memory-io.ts'

t.setTimeout(600_000)

const SECRETS = {
  token: 'tenant-token-0123456789abcdef',
  admin: 'admin-token-0123456789abcdef',
  push: 'push-secret-0123456789',
  basic: 'basic-password-0123456789',
  ftp: 'ftp-password-0123456789',
  proxy: 'proxy-password-0123456789'
}

t.test('the archive has all files, is for its owner only, and none of them holds a secret', async t => {
  const source = fakeSource()
  source.recentLog = () => `{"level":"info","msg":"posted with ${SECRETS.push} and ${encodeURIComponent(SECRETS.proxy)}"}\n`
  const server = await startAdmin(source, { host: '127.0.0.1', port: 0, token: SECRETS.admin })
  t.teardown(() => server.close())
  const cwd = testDir(t, { 'push.secret': SECRETS.push })
  const config = `
tenant: { url: 'http://127.0.0.1:9', auth: { token: ${SECRETS.token} }, proxy: 'http://user:${SECRETS.proxy}@proxy.example:3128' }
receivers:
  - { type: syslog, listen: '127.0.0.1:0' }
  - { type: http-push, listen: '127.0.0.1:0', secret_file: push.secret, paths: [{ path: /a, secret: ${SECRETS.push}-a }] }
  - { type: http-push, name: basic, listen: '127.0.0.1:0', basic_user: u, basic_password: ${SECRETS.basic} }
  - { type: ftp, listen: '127.0.0.1:0', accounts: [{ name: a, password: ${SECRETS.ftp} }] }
spool: { dir: ${join(cwd, 'spool')} }
admin: { token: ${SECRETS.admin} }
`
  writeFileSync(join(cwd, 'sluice.yaml'), config)
  const io = memoryIo(cwd, { SLUICE_ADMIN_TOKEN: SECRETS.admin })
  const code = await runCommandLine(['support-bundle', '--url', server.url, '--samples', '-o', 'bundle.tar.gz'], io)
  t.equal(code, 0, io.err())
  t.match(io.out(), /bundle\.tar\.gz: .*doctor\.txt/)
  const file = join(cwd, 'bundle.tar.gz')
  t.equal(statSync(file).mode & 0o777, 0o600)
  const { status, stderr } = spawnSync('tar', ['xzf', file, '-C', cwd], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
  const dir = join(cwd, 'sluice-support')
  for (const [name, what] of [
    ['config.yaml', 'http-push'],
    ['versions.json', '"node"'],
    ['status.json', 'HQ-FortiGate'],
    ['metrics.txt', 'sluice_'],
    ['log.jsonl', 'posted with (redacted)'],
    ['doctor.txt', 'versions: Sluice'],
    ['samples.json', 'unidentified'],
    ['README.txt', 'config.yaml']
  ])
    t.equal(spawnSync('grep', ['-qF', what!, join(dir, name!)]).status, 0, `${name} holds ${what}`)
  for (const [name, secret] of Object.entries(SECRETS)) {
    const found = spawnSync('grep', ['-rlF', secret, dir], { encoding: 'utf8' })
    t.equal(found.stdout, '', `the ${name} secret`)
    t.equal(found.status, 1, 'grep looked and found nothing')
  }
})

t.test('without a collector it says so in the files, and samples are in it only when asked for', async t => {
  const cwd = testDir(t, {
    'sluice.yaml': `admin: { listen: '127.0.0.1:9' }\nspool: { dir: ./spool }\nreceivers: [{ type: syslog, listen: '127.0.0.1:0' }]\n`
  })
  const io = memoryIo(cwd)
  t.equal(await runCommandLine(['support-bundle', '--json', '--offline'], io), 0)
  const { file, files } = JSON.parse(io.out()) as { file: string; files: string[] }
  t.notOk(files.includes('samples.json'))
  t.match(spawnSync('tar', ['xzOf', file, 'sluice-support/status.json'], { encoding: 'utf8' }).stdout, /^not there: No answer from/)
})

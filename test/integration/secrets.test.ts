/**
 * No secret leaves the process where people look: a collector is run through every kind of refusal with the log at its loudest, and
 * logs, pages, metrics, dumps, errors and what the tools print are searched for the secrets, plain and encoded.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { runCommandLine } from '../../src/cli/command-line.ts'
import { Faults } from '../../src/tenant/faults.ts'
import { startTenant } from '../../src/tenant/tenant.ts'
import { spawn } from '../child-kit.ts'
import { memoryIo } from '../cli/memory-io.ts'
import { testDir } from '../test-dir.ts'
import { cefLine } from '../upload/world.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')
const marker = (name: string): string => `${name}-${randomBytes(12).toString('hex')}`
const SECRETS = {
  clientSecret: marker('client-secret'),
  wrongClientSecret: marker('refused-client-secret'),
  proxyPassword: marker('proxy-password'),
  ftpPassword: marker('ftp-password'),
  triedFtpPassword: marker('tried-ftp-password'),
  httpSecret: marker('http-secret'),
  triedHttpSecret: marker('tried-http-secret'),
  adminToken: marker('admin-token')
}
const CLIENT = { tenantId: 'contoso', clientId: 'app', clientSecret: SECRETS.clientSecret }

/** Each form in which a secret may turn up. */
const formsOf = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('hex'),
  // Base64 at each of the three alignments, without the ends that depend on the neighbours.
  ...[0, 1, 2].map(shift =>
    Buffer.from(`${'x'.repeat(shift)}${secret}`)
      .toString('base64')
      .slice(4, -4)
  )
]

/** What `sluice …` prints, errors included. */
async function sluice(cwd: string, ...args: string[]): Promise<string> {
  const io = memoryIo(cwd)
  const code = await runCommandLine(args, io)
  return `${code} ${io.out()} ${io.err()}`
}

/** Signatures in the URLs that the ledgers keep. */
function signaturesIn(dir: string): Set<string> {
  const found = new Set<string>()
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ledger')) continue
    for (const [, signature] of readFileSync(join(dir, name), 'utf8').matchAll(/[?&]sig=([^"&]+)/g)) found.add(signature!)
  }
  return found
}

t.setTimeout(600_000)

t.test('no secret is in logs, pages, metrics, dumps, errors, or what the tools print, whatever fails', async t => {
  const cwd = testDir(t)
  const faults = new Faults()
  const tenant = await startTenant({ dir: join(cwd, 'tenant'), client: CLIENT, faults })
  t.teardown(() => tenant.close())
  const places = new Map<string, string>()
  const file = join(cwd, 'sluice.yaml')
  const write = (clientSecret: string, more: object = {}): void => {
    const listen = '127.0.0.1:0'
    const config = {
      tenant: {
        url: tenant.url,
        auth: { tenant_id: CLIENT.tenantId, client_id: CLIENT.clientId, client_secret: clientSecret, authority_host: tenant.url },
        proxy: `http://user:${SECRETS.proxyPassword}@127.0.0.1:1`
      },
      receivers: [
        { type: 'syslog', name: 'tcp', protocols: ['tcp'], listen },
        { type: 'http-push', name: 'push', listen, secret: SECRETS.httpSecret },
        {
          type: 'ftp',
          name: 'ftp',
          listen,
          login_delay: '0s',
          accounts: [{ name: 'discovery', password: SECRETS.ftpPassword }],
          passive_port_min: 0,
          passive_port_max: 0
        }
      ],
      sources: [{ name: 'HQ', appliance: 'generic-cef' }],
      spool: { dir: join(cwd, 'spool'), min_free_bytes: '1MiB' },
      upload: { flush_interval: '300ms' },
      process: { drop_internal: false, max_age: 'off' },
      lanes: 1,
      log: { format: 'json', level: 'trace' },
      admin: { listen, token: SECRETS.adminToken },
      ...more
    }
    writeFileSync(file, JSON.stringify(config))
  }

  // What the tools print of a good file, a bad one, and one with a fault beside the secret.
  write(SECRETS.wrongClientSecret)
  for (const args of [
    ['validate', '--no-environment', '--print'],
    ['validate', '--no-environment', '--print', '--json'],
    ['validate', '--network'],
    ['spool', 'ls', '--json'],
    ['status'],
    ['status', '--json']
  ]) {
    places.set(`sluice ${args.join(' ')}`, await sluice(cwd, ...args, '-c', file))
  }
  for (const [name, more] of Object.entries({ unknownKey: { nonsense: 1 }, badAdmin: { admin: { token: [SECRETS.adminToken] } } })) {
    write(SECRETS.wrongClientSecret, more)
    places.set(`sluice validate of ${name}`, await sluice(cwd, 'validate', '-c', file))
    places.set(`sluice run of ${name}`, await sluice(cwd, 'run', '-c', file))
  }

  // A life full of refusals.
  write(SECRETS.wrongClientSecret)
  const options = ['--report-on-signal', '--report-signal=SIGUSR2', `--report-directory=${cwd}`, '--report-filename=report.json']
  const child = spawn(process.execPath, [...options, MAIN, 'run', '-c', file], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => void child.kill('SIGKILL'))
  let log = ''
  for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', (text: string) => void (log += text))
  const logged = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(log)
      if (found !== null) return found
      if (child.exitCode !== null) throw new Error(`it ended: ${log}`)
      await sleep(50)
    }
  }
  const portOf = async (name: string): Promise<number> =>
    Number(
      (await logged(new RegExp(`listening: ${name}[^\\n]*"address":"[^"]*:(\\d+)"|"receiver":"${name}"[^\\n]*"address":"[^"]*:(\\d+)"`)))
        .slice(1)
        .find(Boolean)
    )
  const adminUrl = (await logged(/"url":"(http:\/\/127\.0\.0\.1:\d+\/)"/))[1]!
  const [tcp, push, ftp] = [await portOf('tcp'), await portOf('push'), await portOf('ftp')]

  const send = async (): Promise<void> => {
    const socket = connect(tcp, '127.0.0.1').resume()
    socket.end(Array.from({ length: 20 }, (_, index) => `${cefLine(index)}\n`).join(''))
    await once(socket, 'close')
  }
  await send()
  await logged(/upload: paused/) // the client secret is refused
  const answers = [
    await fetch(`http://127.0.0.1:${push}/logs`, {
      method: 'POST',
      body: 'x',
      headers: { authorization: `Bearer ${SECRETS.triedHttpSecret}` }
    }),
    await fetch(`http://127.0.0.1:${push}/logs?token=${SECRETS.triedHttpSecret}`, { method: 'POST', body: 'x' })
  ]
  for (const [index, answer] of answers.entries()) places.set(`answer ${index} of HTTP push`, await answer.text())
  const control = connect(ftp, '127.0.0.1').setEncoding('latin1')
  let ftpAnswers = ''
  control.on('data', text => void (ftpAnswers += String(text)))
  control.write(`USER discovery\r\nPASS ${SECRETS.triedFtpPassword}\r\nUSER ${SECRETS.triedFtpPassword}\r\nPASS x\r\nQUIT\r\n`)
  await once(control, 'close')
  places.set('answers of FTP', ftpAnswers)

  // With the right secret: storage that refuses, answers that are odd, and a lost answer; their URLs are keys of the storage.
  faults.push('put', { status: 403 }, { status: 500, body: 'no' }, { close: true })
  faults.push('done_upload', { status: 400, body: '{"detail":"no"}' }, { worked: true, close: true })
  write(SECRETS.clientSecret)
  child.kill('SIGHUP')
  await logged(/upload: done|set aside/)
  await send()
  const signatures = new Set<string>()
  for (let tries = 0; tries < 30 || (signatures.size === 0 && tries < 2400); tries++) {
    for (const signature of signaturesIn(join(cwd, 'spool'))) signatures.add(signature)
    await sleep(50)
  }
  t.ok(signatures.size > 0, 'there are upload URLs to look for')

  const headers = { authorization: `Bearer ${SECRETS.adminToken}` }
  const paths = ['', 'metrics', 'health', 'ready', 'openapi.json', 'api/v1/status', 'api/v1/sources', 'api/v1/receivers', 'api/v1/segments']
  for (const path of [...paths, 'api/v1/uploads', 'api/v1/overview', 'api/v1/verdict', 'api/v1/tap', 'api/v1/nowhere']) {
    const signal = AbortSignal.timeout(path === 'api/v1/tap' ? 3000 : 60_000) // that one has no end
    const text = await fetch(`${adminUrl}${path}`, { headers, signal })
      .then(answer => answer.text())
      .catch(error => String(error))
    places.set(`/${path}`, text)
  }
  places.set('spool ls', await sluice(cwd, 'spool', 'ls', '--json', '-c', file))
  places.set('status', await sluice(cwd, 'status', '--json', '-c', file))
  child.kill('SIGUSR2')
  const report = join(cwd, 'report.json')
  for (let left = 2400; left > 0 && places.get('diagnostic report') === undefined; left--) {
    await sleep(50)
    try {
      places.set('diagnostic report', readFileSync(report, 'utf8'))
    } catch {
      // It is not written yet.
    }
  }
  child.kill('SIGTERM')
  await once(child, 'close')
  places.set('log', log)
  t.match(log, /"level":"(?:debug|trace)"|"level":(?:10|20)|upload: paused/, 'the log is loud')

  t.ok((places.get('/api/v1/status') ?? '').length > 500, 'the status was got')
  t.ok((places.get('diagnostic report') ?? '').length > 500, 'the report was got')
  t.ok(places.size > 20, `${places.size} places are searched`)
  const all = [
    ...Object.entries(SECRETS),
    ...[...signatures].map((signature, index): [string, string] => [`signature ${index}`, signature])
  ]
  const found = [...places].flatMap(([place, text]) =>
    all.filter(([, secret]) => formsOf(secret).some(form => form.length > 7 && text.includes(form))).map(([name]) => `${name} in ${place}`)
  )
  t.same(found, [])
})

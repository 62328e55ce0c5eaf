// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ConfigError, formatFaults } from '../../src/config/faults.ts'
import { loadConfig, parseConfig } from '../../src/config/load.ts'
import { REDACTED, redactConfig } from '../../src/config/redact.ts'
import { testDir } from '../test-dir.ts'

const APPLIANCES = ['cisco-asa', 'fortinet-fortigate']

const parse = (text: string, env: Record<string, string> = {}) =>
  parseConfig(text, { env, cwd: '/work-dir', file: 'x.yaml', appliances: APPLIANCES })

function faultsOf(text: string, env: Record<string, string> = {}): string[] {
  try {
    parse(text, env)
  } catch (error) {
    if (error instanceof ConfigError) return formatFaults(error.file, error.faults)
    throw error
  }
  return []
}

t.test('without any file every default is there', async t => {
  const { config, path, warnings } = loadConfig({ env: {}, cwd: testDir(t) })
  t.equal(path, undefined)
  t.same(warnings, [])
  t.match(config.receivers, [{ type: 'syslog', name: 'syslog', protocols: ['udp', 'tcp'], listen: '0.0.0.0:5514' }])
  t.match(config.sources, [{ name: 'sluice', data_source: 'sluice', appliance: 'auto', format: 'cef', time_zone: 'UTC' }])
  t.equal(config.tenant.local?.dir, join(t.testdirName, 'data/tenant'))
  t.equal(config.spool.dir, join(t.testdirName, 'data/spool'))
  t.equal(config.admin.listen, '127.0.0.1:9600')
  t.equal(config.upload.flush_interval, 2000)
  t.ok(config.lanes >= 1)
})

t.test('with a tenant the flush interval is five minutes and nothing local runs', async t => {
  const { config } = parse('tenant: { url: https://contoso.example/, auth: { token: abc } }')
  t.equal(config.upload.flush_interval, 300_000)
  t.equal(config.upload.requests_per_minute, 20)
  t.equal(config.tenant.local, undefined)
  t.equal(config.tenant.url, 'https://contoso.example')
})

t.test('sizes, durations, networks and paths become what the code uses', async t => {
  const { config } = parse(`
spool: { dir: spool, max_bytes: 1GiB }
process: { max_age: off, max_future: 1h30m, own_networks: [10.1.2.3/8, "2001:DB8::1"] }
privacy: { user_domains: { contoso: contoso.example } }
lanes: 3
`)
  t.match(config.spool, { dir: '/work-dir/spool', max_bytes: 2 ** 30 })
  t.match(config.process, { max_age: 0, max_future: 5_400_000, own_networks: ['10.0.0.0/8', '2001:db8::1/128'] })
  t.same(config.privacy.user_domains, { CONTOSO: 'contoso.example' })
  t.equal(config.lanes, 3)
})

t.test('all faults come at once, with line, column and what was probably meant', async t => {
  const faults = faultsOf(`tenat: 1
receivers:
  - type: sylog
  - { type: syslog, listn: 1, protocols: [udp, udpp], listen: "0.0.0.0:99999" }
sources:
  - name: a b
    time_zone: Mars/Olympus
    from: { peers: [10.0.0.0/33, "\${PEER}"] }
    keys: { upload: x }
    format: xml
spool: { max_bytes: 10 apples }
upload: { flush_interval: 5, compression_level: 22 }
log: { level: inf }
`)
  const beginnings = [
    'x.yaml:1:1: tenat: unknown key "tenat"; did you mean "tenant"?',
    'x.yaml:3:11: receivers[0].type: unknown type "sylog"; did you mean "syslog"?',
    'x.yaml:4:21: receivers[1].listn: unknown key "listn"; did you mean "listen"?',
    'x.yaml:4:48: receivers[1].protocols[1]: unknown value "udpp"; did you mean "udp"?',
    'x.yaml:4:63: receivers[1].listen: "0.0.0.0:99999" is no address to listen on',
    'x.yaml:6:11: sources[0].name: "a b" does not fit; it must match',
    'x.yaml:7:16: sources[0].time_zone: "Mars/Olympus" is no time zone',
    'x.yaml:8:21: sources[0].from.peers[0]: "10.0.0.0/33" is no address',
    'x.yaml:8:34: sources[0].from.peers[1]: the environment variable PEER is not set',
    'x.yaml:9:13: sources[0].keys.upload: unknown key "upload"; did you mean "uploadedBytes"?',
    'x.yaml:10:13: sources[0].format: unknown value "xml"; known are cef',
    'x.yaml:11:21: spool.max_bytes: "10 apples" is no size',
    'x.yaml:12:27: upload.flush_interval: 5 is no duration',
    'x.yaml:12:49: upload.compression_level: 22 does not fit: it must be <= 9',
    'x.yaml:13:15: log.level: unknown value "inf"; did you mean "info"?'
  ]
  t.same(
    faults.map((fault, index) => fault.slice(0, beginnings[index]?.length)),
    beginnings
  )
})

t.test('what belongs together is checked: names, receivers, appliances, listeners, formats', async t => {
  const faults = faultsOf(`
receivers:
  - { type: syslog, name: one, listen: 0.0.0.0:5514 }
  - { type: syslog, name: one, protocols: [tcp], listen: "127.0.0.1:5514" }
sources:
  - { name: a, from: { receivers: [onne] } }
  - { name: a, appliance: fortigate, from: { peers: [10.0.0.0/8] }, format: csv, source_string: GENERIC_CEF }
  - { name: b, format: raw }
  - { name: c, from: { peers: [10.1.2.0/24] } }
  - { name: d, from: { peers: [10.1.2.3/24] } }
spool: { high_water: 0.5 }
`)
  for (const expected of [
    /:4:27: receivers\[1\]\.name: another receiver is already named "one"/,
    /:4:58: receivers\[1\]\.listen: tcp port 5514 is already used by receivers\[0\]\.listen/,
    /unknown receiver "onne"; did you mean "one"\?/,
    /sources\[1\]\.name: another source is already named "a"/,
    /unknown appliance "fortigate"; did you mean "fortinet-fortigate"\?/,
    /GENERIC_CEF is for format cef, but the format is csv/,
    /sources\[2\]: the key "source_string" is missing/,
    /sources\[4\]\.from: takes the same as source "c"/,
    /spool\.low_water: must be below high_water/
  ])
    t.ok(
      faults.some(fault => expected.test(fault)),
      String(expected)
    )
  t.equal(faults.length, 9)
})

t.test('credentials must be there, and only one kind', async t => {
  const withAuth = (auth: string) => faultsOf(`tenant: { url: https://t.example, auth: ${auth} }`)
  t.match(faultsOf('tenant: { url: https://t.example }'), [/the key "auth" is missing/])
  t.match(faultsOf('tenant: { auth: { token: x } }'), [/the key "url" is missing/])
  t.match(withAuth('{}'), [/no credentials/])
  t.match(withAuth('{ token: x, managed_identity: true }'), [/only one way to sign in can be given, not token and managed_identity/])
  t.match(withAuth('{ client_secret: x, tenant_id: y }'), [/"client_id" is missing/])
  t.same(withAuth('{ client_secret: x, tenant_id: y, client_id: z }'), [])
  t.match(faultsOf('tenant: { url: https://t.example, auth: { token: x }, local: {} }'), [/cannot be given together with url/])
})

t.test('an admin server beyond loopback needs a token', async t => {
  t.match(faultsOf('admin: { listen: 0.0.0.0:9600 }'), [/admin\.listen: is reachable from other machines/])
  t.match(faultsOf('admin: { listen: 0.0.0.0:9600, token: short }'), [/at least 16 characters/])
  t.same(faultsOf('admin: { listen: 0.0.0.0:9600, token: 0123456789abcdef }'), [])
})

t.test('variables give numbers and truth values where those are wanted, and never other keys', async t => {
  const { config } = parse('lanes: ${N}\nprocess: { drop_internal: "${B}" }\nupload:\n  concurrency: ${N}\nsources:\n  - name: ${S}', {
    N: '2',
    B: 'false',
    S: 'x'
  })
  t.equal(config.lanes, 2)
  t.equal(config.upload.concurrency, 2)
  t.equal(config.process.drop_internal, false)
  t.match(faultsOf('log:\n  level: ${L}', { L: 'info\nadmin: {listen: 0.0.0.0:1}' }), [/x\.yaml:2:10: log\.level: unknown value/])
  t.match(
    faultsOf('process: { drop_internal: "false" }'),
    [/"?false"? does not fit|must be boolean/],
    'a quoted word without a variable stays a word'
  )
})

t.test('secrets come from files, without the line feed at the end', async t => {
  const dir = testDir(t, { secret: 's3cret\n', empty: '', big: 'x'.repeat(70_000) })
  const load = (auth: string) => parseConfig(`tenant: { url: https://t.example, auth: ${auth} }`, { env: {}, cwd: dir, file: 'x.yaml' })
  t.equal(load('{ token_file: secret }').config.tenant.auth?.token, 's3cret')
  for (const [auth, expected] of [
    ['{ token_file: missing }', /cannot read the secret in .*ENOENT/],
    ['{ token_file: empty }', /it is empty/],
    ['{ token_file: big }', /70000 bytes/],
    ['{ token: x, token_file: secret }', /cannot both be given/]
  ] as const)
    t.throws(() => load(auth), { message: expected, code: 'CONFIG_INVALID' })
})

t.test('the redacted configuration holds no secret', async t => {
  const { config } = parse(`
tenant: { url: https://t.example, auth: { token: hidden-token }, proxy: "http://me:hidden-pass@proxy.example:3128" }
admin: { token: hidden-admin-token }`)
  const text = JSON.stringify(redactConfig(config))
  t.notMatch(text, /hidden/)
  t.match(text, REDACTED)
  t.match(text, 'proxy.example:3128')
  t.equal(config.tenant.auth?.token, 'hidden-token', 'the configuration itself is unchanged')
})

t.test('broken files end in one clear fault', async t => {
  t.match(faultsOf('a: [1'), [/^x\.yaml:\d+:\d+: /])
  t.match(faultsOf('tenant: { url: ${URL} }'), [/must stand in quotes/])
  t.match(faultsOf('- a'), [/must hold keys/])
  t.match(faultsOf('lanes: 1\nlanes: 2'), [/^x\.yaml:2:1: .*unique/])
  const bomb = `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefgh'.replace(/./g, (key, at: number) => `${key}: &${key} [${`*${'abcdefg'[at]},`.repeat(9)}]\n`)}`
  t.match(faultsOf(bomb), [/alias/i])
  const dir = testDir(t)
  t.throws(() => loadConfig({ path: 'missing.yaml', env: {}, cwd: dir }), { code: 'CONFIG_INVALID', message: /ENOENT/ })
  writeFileSync(join(dir, 'big.yaml'), '#'.repeat(2 * 1024 * 1024))
  t.throws(() => loadConfig({ path: 'big.yaml', env: {}, cwd: dir }), { code: 'CONFIG_INVALID', message: /2097152 bytes/ })
})

t.test('sluice.yaml of the working directory is found', async t => {
  const dir = testDir(t, { 'sluice.yaml': 'lanes: 5' })
  const { config, path } = loadConfig({ env: {}, cwd: dir })
  t.equal(path, join(dir, 'sluice.yaml'))
  t.equal(config.lanes, 5)
})

t.test('what works but is hardly meant is a warning', async t => {
  const { warnings } = parse(`
upload: { flush_interval: 10s, requests_per_minute: 6 }
process: { outbound_only: true }
sources: [{ name: a, source_string: FORTIGATE_SYSLOG }]`)
  t.match(warnings.map(({ path }) => path).sort(), ['process.outbound_only', 'sources[0].source_string', 'upload.flush_interval'])
})

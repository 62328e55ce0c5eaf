// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
import t from 'tap'
import { ConfigError, formatFaults } from '../../src/config/faults.ts'
import { parseConfig } from '../../src/config/load.ts'
import { listenersOf } from '../../src/config/receiver-listeners.ts'
import { redactConfig } from '../../src/config/redact.ts'
import { testDir } from '../test-dir.ts'

t.setTimeout(600_000)

const TLS = 'tls: { cert_file: c, key_file: k }'
const SECRET = 'secret: push-secret'
const S3 = 's3: { bucket: b, access_key_id: i, secret_access_key: s }'

const parse = (receivers: string, cwd = '/dir') =>
  parseConfig(`receivers: [${receivers}]\nsources: [{ name: Zscaler }, { name: b, appliance: squid-native }]`, {
    env: { SECRET: 'from-env' },
    cwd,
    file: 'x.yaml'
  })

function faultsOf(receivers: string): string[] {
  try {
    parse(receivers)
  } catch (error) {
    if (error instanceof ConfigError) return formatFaults(error.file, error.faults)
    throw error
  }
  return []
}

t.test('every type of receiver has a port of its own, so that all can stand side by side', async t => {
  const { config, warnings } = parse(
    `{ type: syslog }, { type: syslog-tls, ${TLS} }, { type: relp }, { type: http-push, ${SECRET}, ${TLS} },
     { type: ftp, accounts: [{ password: password }], ${TLS} }, { type: sftp, accounts: [{ password: password }] }, { type: file-drop, folder: in },
     { type: blob-pull, ${S3} }, { type: menlo-pull, token: t }`
  )
  t.same(warnings, [])
  t.same(
    config.receivers.map(receiver => [receiver.name, listenersOf(receiver)]),
    [
      [
        'syslog',
        [
          { transport: 'udp', listen: '0.0.0.0:5514' },
          { transport: 'tcp', listen: '0.0.0.0:5514' }
        ]
      ],
      ['syslog-tls', [{ transport: 'tcp', listen: '0.0.0.0:6514' }]],
      ['relp', [{ transport: 'tcp', listen: '0.0.0.0:2514' }]],
      ['http-push', [{ transport: 'tcp', listen: '0.0.0.0:8443' }]],
      ['ftp', [{ transport: 'tcp', listen: '0.0.0.0:2121' }]],
      ['sftp', [{ transport: 'tcp', listen: '0.0.0.0:2222' }]],
      ['file-drop', []],
      ['blob-pull', []],
      ['menlo-pull', []]
    ]
  )
})

t.test('listeners of different types collide on one port of TCP', async t => {
  t.match(faultsOf(`{ type: syslog, listen: ":6514" }, { type: syslog-tls, ${TLS} }`), [
    /receivers\[1\]\.listen: tcp port 6514 is already used by receivers\[0\]\.listen/
  ])
  t.same(faultsOf(`{ type: syslog, protocols: [udp], listen: ":6514" }, { type: syslog-tls, ${TLS} }`), [])
})

t.test('TLS needs certificate and key, and a CA when clients show certificates', async t => {
  t.match(faultsOf('{ type: syslog-tls }'), [/receivers\[0\]: the key "tls" is missing/])
  t.match(faultsOf('{ type: relp, tls: { cert_file: c } }'), [/receivers\[0\]\.tls: the key "key_file" is missing/])
  const withClients = (keys: string) => `{ type: relp, tls: { cert_file: c, key_file: k, ${keys} } }`
  t.match(faultsOf(withClients('client_certificate: required')), [/"client_ca_file" is missing; client_certificate required needs it/])
  t.match(faultsOf(withClients('client_ca_file: a')), [/client_certificate: is none, so nobody is asked/])
  t.match(faultsOf(withClients('client_names: [a]')), [/client_certificate: is none, so nobody is asked/])
  t.same(faultsOf(withClients('client_ca_file: a, client_certificate: optional')), [])
  const { warnings } = parse(withClients('client_ca_file: a, client_certificate: optional, client_names: [a]'))
  t.match(warnings, [{ message: /does not keep out clients that show no certificate/ }])
})

t.test('HTTP push must know its senders, or say that it does not', async t => {
  t.match(faultsOf('{ type: http-push }'), [/receivers\[0\]: the key "secret" is missing/])
  t.match(faultsOf('{ type: http-push, paths: [{ path: /a, secret: password }, { path: /b }] }'), [/the key "secret" is missing/])
  t.match(faultsOf(`{ type: http-push, ${SECRET}, anonymous: true }`), [/anonymous: asks nobody/])
  t.match(faultsOf('{ type: http-push, basic_password: password }'), [/belong together/])
  t.match(faultsOf(`{ type: http-push, ${SECRET}, basic_user: me }`), [/belong together/])
  t.match(faultsOf('{ type: http-push, secret: short }'), [/must NOT have fewer than 8 characters/])
  t.same(faultsOf('{ type: http-push, anonymous: true }'), [])
  t.same(faultsOf('{ type: http-push, basic_user: me, basic_password: password }'), [])
  t.same(faultsOf('{ type: http-push, paths: [{ path: /a, secret: password }] }'), [])
})

t.test('paths of HTTP push are told apart and name sources that are there', async t => {
  t.match(faultsOf(`{ type: http-push, ${SECRET}, paths: [{ path: /a, source: Zscalar }, { path: /a }, { path: b c }] }`), [
    /paths\[2\]\.path: "b c" does not fit/
  ])
  t.match(faultsOf(`{ type: http-push, ${SECRET}, paths: [{ path: /a, source: Zscalar }, { path: /a }] }`), [
    /paths\[0\]\.source: unknown source "Zscalar"; did you mean "Zscaler"\?/,
    /paths\[1\]\.path: \/a stands there twice/
  ])
})

t.test('an account without a password is a fault at its line', async t => {
  const said = faultsOf('{ type: ftp, accounts: [\n  { name: a, password: password },\n  { name: b }] }')
  t.match(said, [/^x\.yaml:3.*receivers\[0\]\.accounts\[1\]: account "b" has no password, and there is no default; give password/])
  t.match(faultsOf('{ type: ftp }'), [/account "discovery" has no password/])
  t.match(faultsOf('{ type: sftp }'), [/has no password, and there is no default; .*authorized_keys_file/])
  t.match(faultsOf('{ type: ftp, accounts: [{ password: short }] }'), [/must NOT have fewer than 8 characters/])
  t.match(faultsOf('{ type: ftp, accounts: [] }'), [/must NOT have fewer than 1 items/])
  t.same(faultsOf('{ type: sftp, accounts: [{ authorized_keys: [k] }] }'), [])
  t.same(faultsOf('{ type: sftp, accounts: [{ authorized_keys_file: k }] }'), [])
})

t.test('accounts are told apart, have one password, and name sources that are there', async t => {
  const hash = 'password_hash: "scrypt:2:8:1:c2FsdA==:aGFzaA=="'
  t.match(faultsOf(`{ type: ftp, accounts: [{ password: password, ${hash} }, { ${hash} }] }`), [
    /accounts\[0\]\.password_hash: password and password_hash cannot both be given/,
    /accounts\[1\]\.name: another account is already named "discovery"/
  ])
  t.match(faultsOf('{ type: sftp, accounts: [{ password: password, source: Zscalar, sources: [b, c] }] }'), [
    /accounts\[0\]\.source: unknown source "Zscalar"; did you mean "Zscaler"/,
    /accounts\[0\]\.sources\[1\]: unknown source "c"/
  ])
})

t.test('FTP is told what does not fit together', async t => {
  const ftp = (keys: string) => `{ type: ftp, accounts: [{ password: password }], ${keys} }`
  t.match(faultsOf(ftp('tls_mode: required')), [/tls_mode: is required, and the key "tls" is missing/])
  t.match(faultsOf(ftp('passive_port_min: 5, passive_port_max: 4')), [/passive_port_max: must not be below/])
  t.match(faultsOf(ftp('passive_port_min: 0')), [/passive_port_min: is 0, which lets the system choose/])
  t.match(faultsOf(ftp('advertised_address: 192.0.2.256')), [/advertised_address: "192.0.2.256" is no IPv4 address/])
  t.match(parse(ftp('')).warnings, [{ message: /without tls passwords and logs go over the network in the clear/ }])
  t.same(parse(ftp(TLS)).warnings, [])
})

t.test('a folder is watched once, and must be named', async t => {
  t.match(faultsOf('{ type: file-drop }'), [/receivers\[0\]: the key "folder" is missing/])
  t.match(faultsOf('{ type: file-drop, folder: in }, { type: file-drop, folder: ./in }'), [
    /receivers\[1\]\.folder: is already watched by receiver "file-drop"/
  ])
})

t.test('a pull has one store, one way to sign in, and a file of its own to remember in', async t => {
  const blob = (keys: string) => `{ type: blob-pull, ${keys} }`
  const azure = (keys: string) => blob(`azure: { ${keys} }`)
  t.match(faultsOf(blob('')), [/receivers\[0\]: the key "s3" or "azure" is missing/])
  t.match(faultsOf(blob(`${S3}, azure: { container: c, connection_string: s }`)), [/azure: cannot be given together with s3/])
  t.match(faultsOf(blob('s3: { bucket: b, access_key_id: i }')), [/receivers\[0\]\.s3: the key "secret_access_key" is missing/])
  t.match(faultsOf(azure('container: c')), [/azure: no credentials; give connection_string, sas, client_secret/])
  t.match(faultsOf(azure('container: c, connection_string: s, sas: s')), [
    /only one way to sign in can be given, not connection_string and sas/
  ])
  t.match(faultsOf(azure('connection_string: s')), [/the key "container" is missing; connection_string needs it/])
  t.match(faultsOf(azure('sas: s')), [/the key "container_url" is missing; sas needs it/])
  t.match(faultsOf(azure('container_url: "https://a.example/c", client_secret: s, client_id: i')), [/"tenant_id" is missing/])
  t.same(faultsOf(azure('container_url: "https://a.example/c", managed_identity: true')), [])
  t.match(faultsOf(blob(`${S3}, source: c`)), [/source: unknown source "c"/])
  t.match(faultsOf(`${blob(`${S3}, ledger_file: x`)}, ${blob(`${S3}, ledger_file: ./x`)}`), [
    /receivers\[1\]\.ledger_file: is already used by receiver "blob-pull"/
  ])
  t.match(faultsOf('{ type: menlo-pull }'), [/the key "token" is missing, or "token_file"/])
  t.match(faultsOf('{ type: menlo-pull, token: t, window: 2h }'), [/window/])
  t.match(faultsOf('{ type: menlo-pull, token: t, backoff_max: 1s, backoff_min: 2s }'), [/backoff_max: must not be below/])
  t.match(parse('{ type: menlo-pull, token: t, url: "http://logs.example/v1" }').warnings, [{ message: /http sends credentials/ }])
})

t.test('what a pull remembers lies beside the spool', async t => {
  const { config } = parse(
    `{ type: blob-pull, ${S3} }, { type: menlo-pull, token: t }, { type: menlo-pull, token: t, position_file: here }`
  )
  t.match(config.receivers, [
    { ledger_file: '/dir/data/pulls/blob-pull.ledger' },
    { position_file: '/dir/data/pulls/menlo-pull.position' },
    { position_file: '/dir/here' }
  ])
})

t.test('a source that a receiver names may be like another', async t => {
  const load = (receiver: string) =>
    parseConfig(`receivers: [${receiver}]\nsources: [{ name: a }, { name: b }]`, { env: {}, cwd: '/', file: 'x.yaml' }).config.sources
      .length
  t.equal(load(`{ type: blob-pull, ${S3}, source: a }`), 2)
  t.equal(load('{ type: http-push, anonymous: true, paths: [{ path: /b, source: b }] }'), 2)
  t.throws(() => load(`{ type: blob-pull, ${S3} }`), /takes the same as source "a"/)
})

t.test('sources may differ by their directory alone', async t => {
  const load = (receiver: string) =>
    parseConfig(`receivers: [${receiver}]\nsources: [{ name: a }, { name: b }]`, { env: {}, cwd: '/', file: 'x.yaml' }).config.sources
      .length
  t.equal(load('{ type: file-drop, folder: in }'), 2)
  t.throws(() => load('{ type: syslog }'), /takes the same as source "a"/)
})

t.test('passwords of accounts come from files and are in no dump', async t => {
  const dir = testDir(t, { one: 'hidden-one\n' })
  const { config } = parse(
    '{ type: sftp, accounts: [{ password_file: one }, { name: b, password: hidden-two }, { name: c, password_hash: "scrypt:2:8:1:c2FsdA==:aGlkZGVu" }] }',
    dir
  )
  t.match(config.receivers, [{ accounts: [{ password: 'hidden-one' }, { password: 'hidden-two' }, {}] }])
  t.notMatch(JSON.stringify(redactConfig(config)), /hidden|aGlkZGVu/)
})

t.test('a secret over plain HTTP beyond this machine is a warning', async t => {
  t.match(parse(`{ type: http-push, ${SECRET} }`).warnings, [{ message: /goes over the network in the clear/ }])
  t.same(parse(`{ type: http-push, ${SECRET}, listen: "127.0.0.1:0" }`).warnings, [])
})

t.test('secrets of HTTP push come from files and are in no dump, those of paths as well', async t => {
  const dir = testDir(t, { one: 'hidden-one\n', two: 'hidden-two\n', three: 'hidden-three\n' })
  const { config } = parse(
    `{ type: http-push, listen: "127.0.0.1:1", secret_file: one, basic_user: u, basic_password_file: two, paths: [{ path: /a, secret_file: three }] }, { type: http-push, listen: "127.0.0.1:2", secret: "\${SECRET}-hidden" }`,
    dir
  )
  t.match(config.receivers, [
    { secret: 'hidden-one', basic_password: 'hidden-two', paths: [{ secret: 'hidden-three' }] },
    { name: 'http-push-2', secret: 'from-env-hidden' }
  ])
  t.notMatch(JSON.stringify(redactConfig(config)), /hidden/)
})

t.test('a misspelt key or type is told with the one that was meant', async t => {
  t.match(faultsOf(`{ type: syslog-tls, tls: { cert_fil: c, key_file: k, cert_file: c } }`), [
    /unknown key "cert_fil"; did you mean "cert_file"/
  ])
  t.match(faultsOf('{ type: http-pus }'), [/unknown type "http-pus"; did you mean "http-push"/])
})

import { join } from 'node:path'
import t from 'tap'
import type { TObject } from 'typebox'
import { parseConfig } from '../../src/config/load.ts'
import type { ReceiverConfig } from '../../src/config/schema.ts'
import { fileDropOptions, ftpOptions, sftpOptions } from '../../src/pipeline/file-receivers.ts'
import { blobPullOptions, menloPullOptions } from '../../src/pipeline/pull-receivers.ts'
import { httpPushOptions, planReceivers, relpOptions, syslogTlsOptions, tcpOptions, udpOptions } from '../../src/pipeline/receivers.ts'
import { BlobPullOptions } from '../../src/receivers/blob-pull.ts'
import { FileDropOptions } from '../../src/receivers/file-drop.ts'
import { FtpOptions } from '../../src/receivers/ftp.ts'
import { AccountOptions } from '../../src/receivers/ftp-accounts.ts'
import { HttpPathOptions, HttpPushOptions } from '../../src/receivers/http-options.ts'
import { MenloPullOptions } from '../../src/receivers/menlo-pull.ts'
import { AzureBlobOptions } from '../../src/receivers/object-store-azure.ts'
import { S3Options } from '../../src/receivers/object-store-s3.ts'
import { withDefaults } from '../../src/receivers/options.ts'
import { RelpOptions } from '../../src/receivers/relp.ts'
import { SftpAccountOptions, SftpOptions } from '../../src/receivers/sftp.ts'
import { SyslogTcpOptions } from '../../src/receivers/syslog-tcp.ts'
import { SyslogTlsOptions } from '../../src/receivers/syslog-tls.ts'
import { SyslogUdpOptions } from '../../src/receivers/syslog-udp.ts'
import { TlsOptions } from '../../src/receivers/tls-identity.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { testDir } from '../test-dir.ts'

function receiver<Type extends ReceiverConfig['type']>(type: Type, keys = ''): Extract<ReceiverConfig, { type: Type }> {
  const text = `receivers: [{ type: ${type}, ${keys} }]\nsources: [{ name: a }]`
  return parseConfig(text, { env: {}, cwd: '/etc/x', file: 'x.yaml' }).config.receivers[0] as Extract<ReceiverConfig, { type: Type }>
}

const TLS_NEEDED = 'tls: { cert_file: c, key_file: k }'
const TLS_FULL =
  'tls: { cert_file: c, key_file: k, client_ca_file: a, client_certificate: required, client_names: [n], min_version: TLSv1.3, reload_interval: 7s, session_tickets: refuse }'
const TLS_OPTIONS = {
  certFile: '/etc/x/c',
  keyFile: '/etc/x/k',
  clientCaFile: '/etc/x/a',
  clientCertificate: 'required',
  clientNames: ['n'],
  minVersion: 'TLSv1.3',
  reloadIntervalMs: 7000,
  sessionTickets: 'refuse'
}
const RATE_OPTIONS = { maxFramesPerSecondPerPeer: 11, maxBytesPerSecondPerPeer: 1024 }
const STREAM_FULL =
  'name: n, listen: 127.0.0.1:1, allow: [10.0.0.0/8], proxies: [10.1.0.0/16], max_connections: 2, max_connections_per_peer: 3, idle_timeout: 4s, handshake_timeout: 5s, max_frames_per_second_per_peer: 11, max_bytes_per_second_per_peer: 1KiB'
const STREAM_OPTIONS = {
  name: 'n',
  listen: '127.0.0.1:1',
  allow: ['10.0.0.0/8'],
  proxies: ['10.1.0.0/16'],
  maxConnections: 2,
  maxConnectionsPerPeer: 3,
  ...RATE_OPTIONS,
  idleTimeoutMs: 4000,
  handshakeTimeoutMs: 5000
}

/** Every option of the schema is there, so that nothing a receiver can do is out of reach of the configuration. */
function reachesAll(t: { same: (a: unknown, b: unknown, message: string) => void }, options: object, schema: TObject): void {
  t.same(Object.keys(options).sort(), Object.keys(schema.properties).sort(), 'every option is reached')
}

t.test('every key of syslog reaches its option', async t => {
  const config = receiver('syslog', `${STREAM_FULL}, receive_buffer: 1MiB, udp: dgram, max_senders: 6, sender_idle_timeout: 7s`)
  t.same(tcpOptions(config), STREAM_OPTIONS)
  reachesAll(t, tcpOptions(config), SyslogTcpOptions)
  t.same(udpOptions(config), {
    name: 'n',
    listen: '127.0.0.1:1',
    allow: ['10.0.0.0/8'],
    receiveBufferBytes: 2 ** 20,
    ...RATE_OPTIONS,
    way: 'dgram',
    maxSenders: 6,
    senderIdleMs: 7000
  })
  reachesAll(t, udpOptions(config), SyslogUdpOptions)
})

t.test('every key of syslog-tls and relp reaches its option', async t => {
  const tls = syslogTlsOptions(receiver('syslog-tls', `${STREAM_FULL}, ${TLS_FULL}`))
  t.same(tls, { ...STREAM_OPTIONS, ...TLS_OPTIONS })
  reachesAll(t, tls, SyslogTlsOptions)
  const relp = relpOptions(receiver('relp', `${STREAM_FULL}, ${TLS_FULL}`))
  t.same(relp, { ...STREAM_OPTIONS, tls: TLS_OPTIONS })
  reachesAll(t, relp, RelpOptions)
  reachesAll(t, relp.tls!, TlsOptions)
  t.equal(relpOptions(receiver('relp')).tls, undefined)
})

t.test('every key of http-push reaches its option', async t => {
  const options = httpPushOptions(
    receiver(
      'http-push',
      `name: n, listen: 127.0.0.1:1, allow: [10.0.0.0/8], proxies: [10.1.0.0/16], ${TLS_FULL}, hec: false, secret: password1, secret_header: x-a,
       basic_user: u, basic_password: password2, paths: [{ path: /p, source: a, format: json, secret: password3 }], body_max_bytes: 1KiB,
       inflated_max_bytes: 2KiB, buffered_max_bytes: 3KiB, max_connections: 4, max_connections_per_peer: 3, max_frames_per_second_per_peer: 11,
       max_bytes_per_second_per_peer: 1KiB, max_requests: 5, request_timeout: 6s, room_timeout: 7s,
       retry_after: 8s`
    )
  )
  t.same(options, {
    name: 'n',
    listen: '127.0.0.1:1',
    allow: ['10.0.0.0/8'],
    proxies: ['10.1.0.0/16'],
    tls: TLS_OPTIONS,
    hec: false,
    anonymous: false,
    secret: 'password1',
    secretHeader: 'x-a',
    basicUser: 'u',
    basicPassword: 'password2',
    paths: [{ path: '/p', source: 'a', format: 'json', secret: 'password3' }],
    bodyMaxBytes: 1024,
    inflatedMaxBytes: 2048,
    bufferedMaxBytes: 3072,
    maxConnections: 4,
    maxConnectionsPerPeer: 3,
    ...RATE_OPTIONS,
    maxRequests: 5,
    requestTimeoutMs: 6000,
    roomTimeoutMs: 7000,
    retryAfterSeconds: 8
  })
  reachesAll(t, options, HttpPushOptions)
  reachesAll(t, options.paths[0]!, HttpPathOptions)
  t.equal(httpPushOptions(receiver('http-push', 'anonymous: true')).anonymous, true)
})

const PULL_FULL = 'source: a, interval: 1s, request_timeout: 2s, backoff_min: 3s, backoff_max: 4s'
const PULL_OPTIONS = { source: 'a', intervalMs: 1000, requestTimeoutMs: 2000, backoffMinMs: 3000, backoffMaxMs: 4000 }

t.test('every key of blob-pull reaches its option', async t => {
  const keys = `name: n, prefix: p, suffixes: [.gz], age: 5s, after: delete, ledger_file: l, ledger_max_objects: 10, checkpoint_bytes: 1KiB,
    format: json, unpacked_max_bytes: 2KiB, unpacked_max_ratio: 9, ${PULL_FULL}`
  const s3 =
    's3: { bucket: b, region: r, endpoint: "https://s3.example", path_style: false, access_key_id: i, secret_access_key: k, session_token: t }'
  const options = blobPullOptions(receiver('blob-pull', `${keys}, ${s3}`))
  t.same(options, {
    name: 'n',
    s3: {
      bucket: 'b',
      region: 'r',
      endpoint: 'https://s3.example',
      pathStyle: false,
      accessKeyId: 'i',
      secretAccessKey: 'k',
      sessionToken: 't'
    },
    prefix: 'p',
    suffixes: ['.gz'],
    ageMs: 5000,
    after: 'delete',
    ledgerFile: '/etc/x/l',
    ledgerMaxObjects: 10,
    checkpointBytes: 1024,
    format: 'json',
    unpackedMaxBytes: 2048,
    unpackedMaxRatio: 9,
    ...PULL_OPTIONS
  })
  reachesAll(t, options.s3!, S3Options)
  const azure = (keys: string) => blobPullOptions(receiver('blob-pull', `azure: { ${keys} }`)).azure!
  const byString = azure('container: c, connection_string: s')
  const byApplication = azure('container_url: "https://a.example/c", tenant_id: t, client_id: i, client_secret: s')
  t.same(byString, { container: 'c', connectionString: 's', managedIdentity: false })
  const bySas = azure('container_url: "https://a.example/c", sas: s')
  reachesAll(t, { ...byString, ...byApplication, ...bySas }, AzureBlobOptions)
  reachesAll(t, { ...options, azure: byString }, BlobPullOptions)
})

t.test('every key of menlo-pull reaches its option', async t => {
  const options = menloPullOptions(
    receiver(
      'menlo-pull',
      `name: n, url: "https://m.example/v2", token: t, log_type: l, window: 5s, trail: 6s, lookback: 7s, page_events: 8, position_file: p, ${PULL_FULL}`
    )
  )
  t.same(options, {
    name: 'n',
    url: 'https://m.example/v2',
    token: 't',
    logType: 'l',
    windowMs: 5000,
    trailMs: 6000,
    lookbackMs: 7000,
    pageEvents: 8,
    positionFile: '/etc/x/p',
    ...PULL_OPTIONS
  })
  reachesAll(t, options, MenloPullOptions)
})

const HASH = 'scrypt:2:8:1:c2FsdA==:aGFzaA=='
const FILE_SERVER_FULL = `name: n, listen: 127.0.0.1:1, allow: [10.0.0.0/8], root_uploads: false, max_connections: 2, max_connections_per_peer: 3,
  max_frames_per_second_per_peer: 11, max_bytes_per_second_per_peer: 1KiB, idle_timeout: 4s, login_timeout: 5s, max_login_failures: 6, login_block: 7s, login_delay: 8s, format: lines, unpacked_max_bytes: 1KiB,
  unpacked_max_ratio: 9, held_max_bytes: 2KiB, room_timeout: 10s`
const FILE_SERVER_OPTIONS = {
  name: 'n',
  listen: '127.0.0.1:1',
  allow: ['10.0.0.0/8'],
  sources: ['a', 'b'],
  anySource: false,
  rootUploads: false,
  maxConnections: 2,
  maxConnectionsPerPeer: 3,
  ...RATE_OPTIONS,
  idleTimeoutMs: 4000,
  loginTimeoutMs: 5000,
  maxLoginFailures: 6,
  loginBlockMs: 7000,
  loginDelayMs: 8000,
  format: 'lines',
  unpackedMaxBytes: 1024,
  unpackedMaxRatio: 9,
  heldMaxBytes: 2048,
  roomTimeoutMs: 10_000
}
const merged = (accounts: readonly object[]): object => Object.assign({}, ...accounts)

t.test('every key of ftp reaches its option', async t => {
  const file = join(testDir(t, { password: 'password2' }), 'password')
  const options = ftpOptions(
    receiver(
      'ftp',
      `${FILE_SERVER_FULL}, ${TLS_FULL}, tls_mode: required, passive_port_min: 11, passive_port_max: 12, active_mode: false,
       advertised_address: 192.0.2.1, advertised_addresses: [{ clients: [10.0.0.0/8], address: 10.0.0.1 }], data_timeout: 13s, abort_wait: 14ms,
       accounts: [{ password: password1, source: a, sources: [a] }, { name: filed, password_file: ${file} }, { name: hashed, password_hash: "${HASH}" }]`
    ),
    ['a', 'b']
  )
  t.same(options, {
    ...FILE_SERVER_OPTIONS,
    tls: TLS_OPTIONS,
    tlsMode: 'required',
    passivePortMin: 11,
    passivePortMax: 12,
    advertisedAddress: '192.0.2.1',
    advertisedAddresses: [{ clients: ['10.0.0.0/8'], address: '10.0.0.1' }],
    activeMode: false,
    dataTimeoutMs: 13_000,
    abortWaitMs: 14,
    accounts: [
      { name: 'discovery', password: 'password1', source: 'a', sources: ['a'] },
      { name: 'filed', passwordFile: file, sources: [] },
      { name: 'hashed', passwordHash: HASH, sources: [] }
    ]
  })
  reachesAll(t, options, FtpOptions)
  reachesAll(t, merged(options.accounts), AccountOptions)
})

t.test('every key of sftp reaches its option', async t => {
  const file = join(testDir(t, { password: 'password2' }), 'password')
  const options = sftpOptions(
    receiver(
      'sftp',
      `${FILE_SERVER_FULL}, host_key_files: [h], accounts: [{ password: password1, source: a, authorized_keys: [k] },
       { name: filed, password_file: ${file}, authorized_keys_file: f }, { name: hashed, password_hash: "${HASH}" }]`
    ),
    ['a', 'b']
  )
  t.same(options, {
    ...FILE_SERVER_OPTIONS,
    hostKeyFiles: ['/etc/x/h'],
    accounts: [
      { name: 'discovery', password: 'password1', source: 'a', sources: [], authorizedKeys: ['k'] },
      { name: 'filed', passwordFile: file, sources: [], authorizedKeys: [], authorizedKeysFile: '/etc/x/f' },
      { name: 'hashed', passwordHash: HASH, sources: [], authorizedKeys: [] }
    ]
  })
  reachesAll(t, options, SftpOptions)
  reachesAll(t, merged(options.accounts), SftpAccountOptions)
})

t.test('every key of file-drop reaches its option', async t => {
  const options = fileDropOptions(
    receiver(
      'file-drop',
      `name: n, folder: d, complete: marker, age: 1s, marker_suffix: .m, ignore_suffixes: [.i], after: rename, archive_folder: r, rename_suffix: .n,
       rejected_suffix: .j, state_file: s, scan_interval: 2s, max_files_per_scan: 3, checkpoint_bytes: 4KiB, format: json,
       unpacked_max_bytes: 5KiB, unpacked_max_ratio: 6`
    ),
    ['a']
  )
  t.same(options, {
    name: 'n',
    folder: '/etc/x/d',
    sources: ['a'],
    complete: 'marker',
    ageMs: 1000,
    markerSuffix: '.m',
    ignoreSuffixes: ['.i'],
    after: 'rename',
    archiveFolder: '/etc/x/r',
    renameSuffix: '.n',
    rejectedSuffix: '.j',
    stateFile: '/etc/x/s',
    scanIntervalMs: 2000,
    maxFilesPerScan: 3,
    checkpointBytes: 4096,
    format: 'json',
    unpackedMaxBytes: 5120,
    unpackedMaxRatio: 6
  })
  reachesAll(t, options, FileDropOptions)
})

t.test('the defaults of the configuration are those of the receivers', async t => {
  const named = { name: 'n' }
  t.same(udpOptions(receiver('syslog', 'name: n')), withDefaults(SyslogUdpOptions, named))
  t.same(tcpOptions(receiver('syslog', 'name: n')), withDefaults(SyslogTcpOptions, named))
  const files = { certFile: '/etc/x/c', keyFile: '/etc/x/k' }
  t.same(syslogTlsOptions(receiver('syslog-tls', `name: n, ${TLS_NEEDED}`)), withDefaults(SyslogTlsOptions, { ...named, ...files }))
  t.same(relpOptions(receiver('relp', 'name: n')), withDefaults(RelpOptions, named))
  const anonymous = { ...named, anonymous: true }
  t.same(httpPushOptions(receiver('http-push', 'name: n, anonymous: true')), withDefaults(HttpPushOptions, anonymous))
  const accounts = [{ password: 'password1' }] as never
  t.same(ftpOptions(receiver('ftp', 'name: n, accounts: [{ password: password1 }]'), []), withDefaults(FtpOptions, { ...named, accounts }))
  const hostKeyFiles = ['/etc/x/data/sftp-host-key']
  t.same(
    sftpOptions(receiver('sftp', 'name: n, accounts: [{ password: password1 }]'), []),
    withDefaults(SftpOptions, { ...named, accounts, hostKeyFiles })
  )
  const folder = '/etc/x/d'
  t.same(fileDropOptions(receiver('file-drop', 'name: n, folder: d'), []), withDefaults(FileDropOptions, { ...named, folder }))
})

t.test('each entry becomes its receivers, with its name', async t => {
  const text = `receivers:
  - { type: syslog, name: one }
  - { type: syslog-tls, ${TLS_NEEDED} }
  - { type: relp }
  - { type: http-push, anonymous: true }
  - { type: ftp, name: plain-ftp, accounts: [{ password: password1 }] }
  - { type: ftp, tls_mode: implicit, listen: ":990", accounts: [{ password: password1 }], ${TLS_NEEDED} }
  - { type: sftp, accounts: [{ authorized_keys: [k] }] }
  - { type: file-drop, folder: drop }
sources: [{ name: a }]`
  const { receivers } = parseConfig(text, { env: {}, cwd: '/', file: 'x.yaml' }).config
  const log = createLogger({ level: 'silent', format: 'json', destination: process.stdout })
  const made = await Promise.all(planReceivers(receivers, { log, isFull: () => false, sources: ['a'] }).map(plan => plan.create()))
  t.same(
    made.flatMap(one => one.status().map(({ name, protocol, state }) => [name, protocol, state])),
    [
      ['one', 'syslog-udp', 'stopped'],
      ['one', 'syslog-tcp', 'stopped'],
      ['syslog-tls', 'syslog-tls', 'stopped'],
      ['relp', 'relp', 'stopped'],
      ['http-push', 'http', 'stopped'],
      ['plain-ftp', 'ftp', 'stopped'],
      ['ftp', 'ftps', 'stopped'],
      ['sftp', 'sftp', 'stopped'],
      ['file-drop', 'file', 'stopped']
    ]
  )
})

t.test('http-push asks the spool itself whether it is full', async t => {
  const log = createLogger({ level: 'silent', format: 'json', destination: process.stdout })
  let full = false
  const [plan] = planReceivers([receiver('http-push', 'listen: 127.0.0.1:0, anonymous: true')], {
    log,
    isFull: () => full,
    sources: ['a']
  })
  const made = await plan!.create()
  await made.start(
    () => t.fail('no intake is opened') as never,
    () => t.fail('no block is taken') as never
  )
  t.teardown(() => made.stop(AbortSignal.timeout(1000)))
  full = true
  t.equal(made.status()[0]!.state, 'paused')
  const answer = await fetch(`http://${made.status()[0]!.address}/logs`, { method: 'POST', body: 'x' })
  t.equal(answer.status, 503)
  t.equal(answer.headers.get('retry-after'), '30')
})

/** What the file may say about receivers of whole files: FTP, SFTP and a watched folder. */
import { Type } from 'typebox'
import { cidr, duration, listen, path, size } from './kinds.ts'
import { allow, count, name, optionalTls, rateKeys, secret } from './receiver-keys.ts'

/** What files may hold and become; every receiver of files has these. */
export const contentKeys = {
  format: Type.Enum(['auto', 'lines', 'json'], {
    description: 'Content of files: lines, or JSON (an array, or objects); `auto` tells them apart by the first bytes.',
    default: 'auto'
  }),
  unpacked_max_bytes: size({ description: 'Most bytes that one compressed file may become.', default: '16GiB', minimum: 1 }),
  unpacked_max_ratio: count(
    'Most bytes that come out of a compressed file for each that went in, looked at from 16 MiB on. Logs seldom pass 50.',
    300
  )
}

/** Keys that FTP and SFTP share. */
const fileServerKeys = {
  allow,
  root_uploads: Type.Boolean({
    description: 'Take files put at the root; `sources[].from` and their lines tell what they are.',
    default: true
  }),
  max_connections: count('Connections at a time; more are refused and counted.', 100),
  max_connections_per_peer: count('Connections at a time from one address.', 20),
  ...rateKeys(),
  idle_timeout: duration({ description: 'A client that says nothing for so long is sent away.', default: '5m', minimum: 1 }),
  login_timeout: duration({ description: 'Time to log in, and for TLS handshakes.', default: '30s', minimum: 1 }),
  max_login_failures: count('Failed logins of an address before it is kept out.', 10),
  login_block: duration({ description: 'How long an address is kept out, since its last failure.', default: '5m', minimum: 1 }),
  login_delay: duration({ description: 'Wait before a failed login is answered.', default: '1s' }),
  ...contentKeys,
  held_max_bytes: size({
    description:
      'Files up to so many bytes (unpacked) are taken whole or not at all; of longer ones that break off, the whole lines received by then stay. Held in memory, all files together up to sixteen times as much.',
    default: '4MiB'
  }),
  room_timeout: duration({
    description: 'Longest wait for room in the middle of a file before it is given up.',
    default: '1m',
    minimum: 1
  })
}

const accountKeys = {
  name: Type.String({ description: 'Name to log in with.', default: 'discovery', minLength: 1, maxLength: 64 }),
  password: secret('Password. There is no default.', 8),
  password_file: Type.Optional(path({ description: 'File that holds `password`, or the hash of `password_hash`; read at start.' })),
  password_hash: Type.Optional(
    Type.String({
      description: 'Instead of the password: `scrypt:N:r:p:salt:hash`, salt and hash in base64.',
      pattern: '^scrypt:\\d{1,8}:\\d{1,2}:\\d{1,2}:[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$',
      maxLength: 1024,
      secret: true
    })
  ),
  source: Type.Optional(
    Type.String({ description: 'Source that every file of this account belongs to, whatever its directory.', minLength: 1 })
  ),
  sources: Type.Array(Type.String({ minLength: 1 }), {
    description: 'Directories (sources) that the account sees. Empty: all.',
    default: [],
    maxItems: 1024
  })
}

const FtpAccount = Type.Object(accountKeys, { additionalProperties: false, description: 'An account.' })
const SftpAccount = Type.Object(
  {
    ...accountKeys,
    authorized_keys: Type.Array(Type.String({ minLength: 1, maxLength: 16384 }), {
      description: 'Public keys as in authorized_keys, one each.',
      default: [],
      maxItems: 1024
    }),
    authorized_keys_file: Type.Optional(path({ description: 'File of public keys, one a line; read at start.' }))
  },
  { additionalProperties: false, description: 'An account.' }
)

const ipv4 = (description: string) => Type.String({ description, pattern: '^\\d{1,3}(\\.\\d{1,3}){3}$' })
const port = (description: string, byDefault: number) => Type.Integer({ description, default: byDefault, minimum: 0, maximum: 65535 })

export const FtpReceiver = Type.Object(
  {
    type: Type.Literal('ftp'),
    name,
    listen: listen({ description: 'Address and port of the control connection.', default: '0.0.0.0:2121' }),
    accounts: Type.Array(FtpAccount, {
      description: 'Who may log in. Each needs a password.',
      default: [{ name: 'discovery' }],
      minItems: 1,
      maxItems: 1024
    }),
    tls: optionalTls('Certificates for FTPS; without them FTP is plain.'),
    tls_mode: Type.Enum(['optional', 'required', 'implicit'], {
      description:
        'With `tls`: whether clients may, or must, begin TLS by AUTH TLS, or the connection begins with it (commonly on port 990).',
      default: 'optional'
    }),
    passive_port_min: port('First port of passive data connections; 0 lets the system choose.', 20000),
    passive_port_max: port('Last port of passive data connections.', 20099),
    advertised_address: Type.Optional(ipv4('IPv4 address that clients reach this collector at, for PASV behind NAT or in a container.')),
    advertised_addresses: Type.Array(
      Type.Object(
        {
          clients: Type.Array(cidr({ description: 'An address or network.' }), { description: 'Networks of clients.', maxItems: 1024 }),
          address: ipv4('IPv4 address for them.')
        },
        { additionalProperties: false, description: 'An address for some clients.' }
      ),
      { description: 'Other addresses for some clients; the first entry that fits is used.', default: [], maxItems: 1024 }
    ),
    active_mode: Type.Boolean({
      description: 'Connect to clients that ask for it (PORT, EPRT), at their own address only.',
      default: true
    }),
    data_timeout: duration({
      description: 'A data connection that does not come, or is silent, for so long is given up.',
      default: '1m',
      minimum: 1
    }),
    abort_wait: duration({
      description: 'Wait at the end of a file, to see whether the client is still there. Without it most aborted files look complete.',
      default: '100ms'
    }),
    ...fileServerKeys
  },
  { additionalProperties: false, description: 'Files uploaded by FTP and FTPS (RFC 959, 4217).' }
)

export const SftpReceiver = Type.Object(
  {
    type: Type.Literal('sftp'),
    name,
    listen: listen({ description: 'Address and port.', default: '0.0.0.0:2222' }),
    accounts: Type.Array(SftpAccount, {
      description: 'Who may log in. Each needs a password or keys.',
      default: [{ name: 'discovery' }],
      minItems: 1,
      maxItems: 1024
    }),
    host_key_files: Type.Array(path({ description: 'A private key.' }), {
      description: 'Private keys of this host. A file that is missing is made at the first start, with an Ed25519 key.',
      default: ['./data/sftp-host-key'],
      minItems: 1,
      maxItems: 16
    }),
    ...fileServerKeys
  },
  { additionalProperties: false, description: 'Files uploaded by SFTP.' }
)

const suffix = (description: string, byDefault: string) => Type.String({ description, default: byDefault, minLength: 2, maxLength: 64 })

export const FileDropReceiver = Type.Object(
  {
    type: Type.Literal('file-drop'),
    name,
    folder: path({ description: 'Folder that is watched. It must be there, and Sluice must be allowed to write in it.' }),
    complete: Type.Enum(['age', 'marker'], {
      description: 'When a file is complete: not changed for `age`, or a file of its name and `marker_suffix` lies beside it.',
      default: 'age'
    }),
    age: duration({
      description: 'How long a file must not have changed. 0 takes what is there, for writers that rename a file when it is complete.',
      default: '10s'
    }),
    marker_suffix: suffix('Suffix of marker files.', '.done'),
    ignore_suffixes: Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
      description: 'Files of these suffixes are being written, until they are renamed. Names that begin with a dot are ignored too.',
      default: ['.tmp', '.part', '.partial', '.filepart', '.crdownload', '.swp'],
      maxItems: 256
    }),
    after: Type.Enum(['delete', 'archive', 'rename'], { description: 'What becomes of a file that was read.', default: 'archive' }),
    archive_folder: Type.Optional(path({ description: 'Where read files are moved to; absent: `.taken` in the folder.' })),
    rename_suffix: suffix('Suffix that read files get.', '.taken'),
    rejected_suffix: suffix('Suffix that files get which cannot be read.', '.rejected'),
    state_file: Type.Optional(path({ description: 'Where positions are kept; absent: `.sluice-state.json` in the folder.' })),
    scan_interval: duration({ description: 'How often the folder is looked through.', default: '5s', minimum: 10 }),
    max_files_per_scan: count('Files taken in one scan; the rest waits for the next.', 1000),
    checkpoint_bytes: size({
      description: 'Unpacked bytes after which the position in a file is made durable; a crash reads at most so much again.',
      default: '32MiB',
      minimum: 1
    }),
    ...contentKeys
  },
  { additionalProperties: false, description: 'Files that something else puts into a folder.' }
)

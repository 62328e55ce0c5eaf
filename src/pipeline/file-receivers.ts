/** Options of the receivers of files, by the configuration. */
import type { FileDropOptions } from '../receivers/file-drop.ts'
import type { FtpOptions } from '../receivers/ftp.ts'
import type { SftpOptions } from '../receivers/sftp.ts'
import { type ConfigOf, given, nestedTls, rateOptions } from './receiver-options.ts'

export function ftpOptions(config: ConfigOf<'ftp'>, sources: readonly string[]): FtpOptions {
  return {
    ...serverOptions(config, sources),
    accounts: config.accounts.map(accountOptions),
    ...nestedTls(config.tls),
    tlsMode: config.tls_mode,
    passivePortMin: config.passive_port_min,
    passivePortMax: config.passive_port_max,
    ...given({ advertisedAddress: config.advertised_address }),
    advertisedAddresses: config.advertised_addresses,
    activeMode: config.active_mode,
    dataTimeoutMs: config.data_timeout,
    abortWaitMs: config.abort_wait
  }
}

export function sftpOptions(config: ConfigOf<'sftp'>, sources: readonly string[]): SftpOptions {
  return {
    ...serverOptions(config, sources),
    accounts: config.accounts.map(account => ({
      ...accountOptions(account),
      authorizedKeys: account.authorized_keys,
      ...given({ authorizedKeysFile: account.authorized_keys_file })
    })),
    hostKeyFiles: config.host_key_files
  }
}

export function fileDropOptions(config: ConfigOf<'file-drop'>, sources: readonly string[]): FileDropOptions {
  return {
    name: config.name,
    folder: config.folder,
    sources: [...sources],
    complete: config.complete,
    ageMs: config.age,
    markerSuffix: config.marker_suffix,
    ignoreSuffixes: config.ignore_suffixes,
    after: config.after,
    ...given({ archiveFolder: config.archive_folder, stateFile: config.state_file }),
    renameSuffix: config.rename_suffix,
    rejectedSuffix: config.rejected_suffix,
    scanIntervalMs: config.scan_interval,
    maxFilesPerScan: config.max_files_per_scan,
    checkpointBytes: config.checkpoint_bytes,
    ...contentOptions(config)
  }
}

function serverOptions(config: ConfigOf<'ftp' | 'sftp'>, sources: readonly string[]) {
  return {
    name: config.name,
    listen: config.listen,
    allow: config.allow,
    sources: [...sources],
    // A directory that is no source of the configuration would take files whose lines no source takes.
    anySource: false,
    rootUploads: config.root_uploads,
    maxConnections: config.max_connections,
    maxConnectionsPerPeer: config.max_connections_per_peer,
    ...rateOptions(config),
    idleTimeoutMs: config.idle_timeout,
    loginTimeoutMs: config.login_timeout,
    maxLoginFailures: config.max_login_failures,
    loginBlockMs: config.login_block,
    loginDelayMs: config.login_delay,
    ...contentOptions(config),
    heldMaxBytes: config.held_max_bytes,
    roomTimeoutMs: config.room_timeout
  }
}

const contentOptions = (config: ConfigOf<'ftp' | 'sftp' | 'file-drop'>) => ({
  format: config.format,
  unpackedMaxBytes: config.unpacked_max_bytes,
  unpackedMaxRatio: config.unpacked_max_ratio
})

/** A password from a file goes to the receiver as the file: it may hold a hash, which the receiver tells from a password. */
function accountOptions({ name, source, sources, ...secrets }: ConfigOf<'ftp' | 'sftp'>['accounts'][number]) {
  const { password, password_file: passwordFile, password_hash: passwordHash } = secrets
  return {
    name,
    ...(passwordFile === undefined ? given({ password }) : { passwordFile }),
    ...given({ passwordHash, source }),
    sources
  }
}

/**
 * Receivers by the configuration: the only place that maps keys of the file to options of a receiver. A new type of receiver is
 * one case in `receiverOf`. Its code is loaded when it is made: most collectors need two of them, and each brings libraries.
 */
import { listenersOf, type ReceiverListener } from '../config/receiver-listeners.ts'
import type { ReceiverConfig } from '../config/schema.ts'
import type { Receiver } from '../contracts.ts'
import type { HttpPushOptions } from '../receivers/http-options.ts'
import type { ReceiverDeps } from '../receivers/listen.ts'
import type { RelpOptions } from '../receivers/relp.ts'
import type { SyslogTcpOptions } from '../receivers/syslog-tcp.ts'
import type { SyslogTlsOptions } from '../receivers/syslog-tls.ts'
import type { SyslogUdpOptions } from '../receivers/syslog-udp.ts'
import type { Logger } from '../telemetry/logger.ts'
import { fileDropOptions, ftpOptions, sftpOptions } from './file-receivers.ts'
import { blobPullOptions, menloPullOptions } from './pull-receivers.ts'
import { type ConfigOf, given, nestedTls, rateOptions, tlsOptions } from './receiver-options.ts'

/** Program of the thread that receives UDP. */
export const UDP_THREAD_FILE = new URL(import.meta.url.endsWith('.ts') ? './udp-thread.ts' : './udp-thread.js', import.meta.url)

export interface ReceiverNeeds {
  log: Logger
  /** True while the spool takes no more; asked by receivers that can put a sender off. */
  isFull: () => boolean
  /** For receivers whose senders wait while they are not read. */
  onFullChange?: ReceiverDeps['onFullChange']
  /** Names of the configured sources; directories of file receivers. */
  sources: readonly string[]
}

/** A receiver before it is made. */
export interface ReceiverPlan {
  /** All that makes it what it is: a receiver that runs and has the same print is this one. */
  print: string
  listeners: readonly ReceiverListener[]
  create(): Promise<Receiver>
}

/** One plan per receiver; syslog over UDP and TCP are two, so that a change of one leaves the other alone. */
export function planReceivers(configs: readonly ReceiverConfig[], needs: ReceiverNeeds): ReceiverPlan[] {
  return configs.flatMap(oneEach).map(config => ({
    print: printOf(config, needs.sources),
    listeners: listenersOf(config),
    create: () => receiverOf(config, needs)
  }))
}

const oneEach = (config: ReceiverConfig): ReceiverConfig[] =>
  config.type === 'syslog' ? config.protocols.map(protocol => ({ ...config, protocols: [protocol] })) : [config]

const isUdp = ({ protocols }: ConfigOf<'syslog'>): boolean => protocols[0] === 'udp'

function printOf(config: ReceiverConfig, sources: readonly string[]): string {
  const { type } = config
  if (type === 'syslog') return JSON.stringify(isUdp(config) ? ['udp', udpOptions(config)] : ['tcp', tcpOptions(config)])
  // Receivers of files have a directory per source.
  return JSON.stringify(type === 'ftp' || type === 'sftp' || type === 'file-drop' ? [config, sources] : config)
}

async function receiverOf(config: ReceiverConfig, { log, isFull, onFullChange, sources }: ReceiverNeeds): Promise<Receiver> {
  switch (config.type) {
    case 'syslog': {
      if (isUdp(config)) {
        const { SyslogUdpReceiver } = await import('../receivers/syslog-udp.ts')
        return new SyslogUdpReceiver(udpOptions(config), { log, threadFile: UDP_THREAD_FILE })
      }
      const { SyslogTcpReceiver } = await import('../receivers/syslog-tcp.ts')
      return new SyslogTcpReceiver(tcpOptions(config), { log, onFullChange })
    }
    case 'syslog-tls': {
      const { SyslogTlsReceiver } = await import('../receivers/syslog-tls.ts')
      return new SyslogTlsReceiver(syslogTlsOptions(config), { log, onFullChange })
    }
    case 'relp': {
      const { RelpReceiver } = await import('../receivers/relp.ts')
      return new RelpReceiver(relpOptions(config), { log, onFullChange })
    }
    case 'http-push': {
      const { HttpPushReceiver } = await import('../receivers/http-push.ts')
      return new HttpPushReceiver(httpPushOptions(config), { log, isFull })
    }
    case 'ftp': {
      const { FtpReceiver } = await import('../receivers/ftp.ts')
      return new FtpReceiver(ftpOptions(config, sources), { log, isFull })
    }
    case 'sftp': {
      const { SftpReceiver } = await import('../receivers/sftp.ts')
      return new SftpReceiver(sftpOptions(config, sources), { log, isFull })
    }
    case 'file-drop': {
      const { FileDropReceiver } = await import('../receivers/file-drop.ts')
      return new FileDropReceiver(fileDropOptions(config, sources), { log, isFull })
    }
    case 'blob-pull': {
      const { BlobPullReceiver } = await import('../receivers/blob-pull.ts')
      return new BlobPullReceiver(blobPullOptions(config), { log, isFull })
    }
    case 'menlo-pull': {
      const { MenloPullReceiver } = await import('../receivers/menlo-pull.ts')
      return new MenloPullReceiver(menloPullOptions(config), { log, isFull })
    }
  }
}

export function udpOptions(config: ConfigOf<'syslog'>): SyslogUdpOptions {
  const { name, listen, allow, receive_buffer, udp, max_senders, sender_idle_timeout } = config
  return {
    name,
    listen,
    allow,
    receiveBufferBytes: receive_buffer,
    way: udp,
    ...rateOptions(config),
    maxSenders: max_senders,
    senderIdleMs: sender_idle_timeout
  }
}

export const tcpOptions = (config: ConfigOf<'syslog'>): SyslogTcpOptions => streamOptions(config)

export const syslogTlsOptions = (config: ConfigOf<'syslog-tls'>): SyslogTlsOptions => ({
  ...streamOptions(config),
  ...tlsOptions(config.tls)
})

export const relpOptions = (config: ConfigOf<'relp'>): RelpOptions => ({ ...streamOptions(config), ...nestedTls(config.tls) })

export function httpPushOptions(config: ConfigOf<'http-push'>): HttpPushOptions {
  const { name, listen, allow, proxies, hec, anonymous, paths } = config
  return {
    name,
    listen,
    allow,
    proxies,
    ...nestedTls(config.tls),
    paths: paths.map(({ path, source, format, secret }) => ({ path, format, ...given({ source, secret }) })),
    hec,
    anonymous,
    secretHeader: config.secret_header,
    ...given({ secret: config.secret, basicUser: config.basic_user, basicPassword: config.basic_password }),
    bodyMaxBytes: config.body_max_bytes,
    inflatedMaxBytes: config.inflated_max_bytes,
    bufferedMaxBytes: config.buffered_max_bytes,
    maxConnections: config.max_connections,
    maxConnectionsPerPeer: config.max_connections_per_peer,
    ...rateOptions(config),
    maxRequests: config.max_requests,
    requestTimeoutMs: config.request_timeout,
    roomTimeoutMs: config.room_timeout,
    retryAfterSeconds: Math.round(config.retry_after / 1000)
  }
}

/** Options of every receiver that reads a stream per connection. */
function streamOptions(config: ConfigOf<'syslog' | 'syslog-tls' | 'relp'>): SyslogTcpOptions {
  const { name, listen, allow, proxies } = config
  return {
    name,
    listen,
    allow,
    proxies,
    maxConnections: config.max_connections,
    maxConnectionsPerPeer: config.max_connections_per_peer,
    ...rateOptions(config),
    idleTimeoutMs: config.idle_timeout,
    handshakeTimeoutMs: config.handshake_timeout
  }
}

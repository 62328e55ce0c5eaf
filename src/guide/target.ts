/** Where an appliance shall send to, by the configuration and, when it runs, by the collector itself. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIPv4, isIPv6 } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { parseListen } from '../config/listen.ts'
import type { Config, ReceiverConfig } from '../config/schema.ts'
import type { ReceiverStatus } from '../contracts.ts'
import type { Transport } from './guide.ts'

export interface Target {
  transport: Transport
  /** Name of the receiver; undefined when the configuration has none that serves this transport. */
  receiver: string | undefined
  host: string
  port: number
  /** SHA-256 of the certificate, as hexadecimal with colons. */
  fingerprint: string | undefined
  url: string
  secretHeader: string
}

export const TRANSPORT_WORDS: Readonly<Record<Transport, string>> = {
  'syslog-udp': 'syslog over UDP',
  'syslog-tcp': 'syslog over TCP',
  'syslog-tls': 'syslog over TLS',
  'http-push': 'HTTP push',
  ftp: 'FTP',
  sftp: 'SFTP',
  'menlo-pull': 'the log export API, which Sluice asks'
}

/** Ports of a receiver that has no `listen`. */
export const DEFAULT_PORTS: Readonly<Record<Transport, number>> = {
  'syslog-udp': 5514,
  'syslog-tcp': 5514,
  'syslog-tls': 6514,
  'http-push': 8443,
  ftp: 2121,
  sftp: 2222,
  'menlo-pull': 443
}

/** What to add to `receivers` for a transport that is not there. */
export const RECEIVER_EXAMPLES: Readonly<Record<Transport, string>> = {
  'syslog-udp': '- { type: syslog, protocols: [udp] }',
  'syslog-tcp': '- { type: syslog, protocols: [tcp] }',
  'syslog-tls': '- { type: syslog-tls, tls: { cert_file: /etc/sluice/tls/cert.pem, key_file: /etc/sluice/tls/key.pem } }',
  'http-push':
    '- { type: http-push, secret_file: /run/secrets/push, tls: { cert_file: /etc/sluice/tls/cert.pem, key_file: /etc/sluice/tls/key.pem } }',
  ftp: '- { type: ftp, accounts: [{ name: firewall, password_file: /run/secrets/ftp }] }',
  sftp: '- { type: sftp, accounts: [{ name: firewall, password_file: /run/secrets/sftp }] }',
  'menlo-pull': '- { type: menlo-pull, token_file: /run/secrets/menlo }'
}

export function serves(receiver: ReceiverConfig, transport: Transport): boolean {
  if (receiver.type !== 'syslog') return receiver.type === transport
  return receiver.protocols.some(protocol => transport === `syslog-${protocol}`)
}

/** `host`: what the appliance shall be told, when the guess would be wrong. `running`: receivers as the collector reports them. */
export function targetOf(
  config: Config,
  transport: Transport,
  { host, running = [] }: { host?: string | undefined; running?: readonly ReceiverStatus[] }
): Target {
  const receiver = config.receivers.find(one => serves(one, transport))
  const listens =
    receiver !== undefined && 'listen' in receiver ? parseListen(receiver.listen) : { host: '0.0.0.0', port: DEFAULT_PORTS[transport] }
  const bound = running.find(({ name, protocol }) => name === receiver?.name && matches(protocol, transport))
  const port = listens.port === 0 && bound !== undefined ? parseListen(bound.address).port : listens.port
  const certificate = certificateOf(receiver)
  const reachable = host ?? nameOf(certificate) ?? addressOf(listens.host)
  const scheme = certificate === undefined && receiver !== undefined ? 'http' : 'https'
  const path = receiver?.type === 'http-push' ? receiver.paths[0]!.path : '/logs'
  return {
    transport,
    receiver: receiver?.name,
    host: reachable,
    port,
    fingerprint: certificate?.fingerprint256,
    url: `${scheme}://${isIPv6(reachable) ? `[${reachable}]` : reachable}:${port}${path}`,
    secretHeader: receiver?.type === 'http-push' ? receiver.secret_header : 'x-sluice-secret'
  }
}

const matches = (protocol: string, transport: Transport): boolean =>
  protocol === transport || (transport === 'http-push' && protocol === 'http') || (transport === 'ftp' && protocol === 'ftps')

function certificateOf(receiver: ReceiverConfig | undefined): X509Certificate | undefined {
  if (receiver === undefined || !('tls' in receiver) || receiver.tls === undefined) return undefined
  try {
    return new X509Certificate(readFileSync(receiver.tls.cert_file))
  } catch {
    return undefined // `sluice doctor` says what is wrong with it
  }
}

/** The name that senders must use, since they compare it with the certificate. */
const nameOf = (certificate: X509Certificate | undefined): string | undefined =>
  /DNS:([^,*\s]+)/.exec(certificate?.subjectAltName ?? '')?.[1]

function addressOf(host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return host
  const addresses = Object.values(networkInterfaces()).flatMap(entries => entries ?? [])
  const own = addresses.find(({ internal, address }) => !internal && isIPv4(address)) ?? addresses.find(({ internal }) => !internal)
  return own?.address ?? hostname()
}

/** What the options of several types of receiver have in common. */
import type { ReceiverConfig } from '../config/schema.ts'
import type { TlsOptions } from '../receivers/tls-identity.ts'

/** The configuration of one type. */
export type ConfigOf<Type extends ReceiverConfig['type']> = Extract<ReceiverConfig, { type: Type }>

/** Options of a `tls` key, which every type of receiver has alike. */
export function tlsOptions(tls: ConfigOf<'syslog-tls'>['tls']): TlsOptions {
  return {
    certFile: tls.cert_file,
    keyFile: tls.key_file,
    ...given({ clientCaFile: tls.client_ca_file }),
    clientCertificate: tls.client_certificate,
    clientNames: tls.client_names,
    minVersion: tls.min_version,
    reloadIntervalMs: tls.reload_interval,
    sessionTickets: tls.session_tickets
  }
}

export const nestedTls = (tls: ConfigOf<'relp'>['tls']): { tls?: TlsOptions } => (tls === undefined ? {} : { tls: tlsOptions(tls) })

/** How fast one address may send. */
export const rateOptions = (config: { max_frames_per_second_per_peer: number; max_bytes_per_second_per_peer: number }) => ({
  maxFramesPerSecondPerPeer: config.max_frames_per_second_per_peer,
  maxBytesPerSecondPerPeer: config.max_bytes_per_second_per_peer
})

/** The entries that have a value. */
export function given<Text extends Record<string, string | undefined>>(entries: Text): { [Key in keyof Text]?: string } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as { [Key in keyof Text]?: string }
}

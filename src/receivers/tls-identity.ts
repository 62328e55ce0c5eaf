/**
 * Certificate and key of a TLS listener, read from files and read again when the files change. A new pair that does not work
 * leaves the old one in use.
 */
import { X509Certificate } from 'node:crypto'
import { unwatchFile, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions, type SecureVersion, type TLSSocket } from 'node:tls'
import Type, { type Static } from 'typebox'
import { CollectorError } from '../errors.ts'

export const TlsOptions = Type.Object({
  certFile: Type.String({ description: 'Certificate chain of the server, PEM.', minLength: 1 }),
  keyFile: Type.String({ description: 'Private key of the server, PEM.', minLength: 1 }),
  clientCaFile: Type.Optional(Type.String({ description: 'Certificate authorities that client certificates are checked against, PEM.' })),
  clientCertificate: Type.Union([Type.Literal('none'), Type.Literal('optional'), Type.Literal('required')], {
    description: 'Whether clients show a certificate. A certificate that is shown must be good.',
    default: 'none'
  }),
  clientNames: Type.Array(Type.String(), {
    description: 'Names (DNS or common name of the client certificate, *.example.com for all below) that may send. Empty: all.',
    default: []
  }),
  minVersion: Type.Union([Type.Literal('TLSv1.2'), Type.Literal('TLSv1.3')], { description: 'Oldest TLS version.', default: 'TLSv1.2' }),
  reloadIntervalMs: Type.Integer({ description: 'How often the files are looked at for a change.', default: 5000, minimum: 10 }),
  sessionTickets: Type.Union([Type.Literal('warn'), Type.Literal('tls1.2'), Type.Literal('refuse')], {
    description:
      'What to do when this process would send TLS 1.3 session tickets, which makes senders that only write lose lines: warn, offer TLS 1.2 at most, or refuse to start.',
    default: 'warn'
  })
})
export type TlsOptions = Static<typeof TlsOptions>

export interface Identity {
  context: SecureContextOptions
  /** When the certificate ends, ms since 1970. */
  expiresMs: number
}

/** Reads and checks the files; rejects with CONFIG_INVALID naming the file. */
export async function loadIdentity(options: TlsOptions, maxVersion: SecureVersion = 'TLSv1.3'): Promise<Identity> {
  const cert = await readPem(options.certFile)
  const key = await readPem(options.keyFile)
  const ca = options.clientCaFile === undefined ? undefined : await readPem(options.clientCaFile)
  if (options.clientCertificate !== 'none' && ca === undefined) {
    throw new CollectorError('CONFIG_INVALID', `Cannot check client certificates (${options.clientCertificate}): clientCaFile is not set`)
  }
  const context: SecureContextOptions = { cert, key, minVersion: options.minVersion, maxVersion, ...(ca === undefined ? {} : { ca }) }
  try {
    createSecureContext(context)
    return { context, expiresMs: new X509Certificate(cert).validToDate.getTime() }
  } catch (error) {
    const files = [options.certFile, options.keyFile, options.clientCaFile].filter(file => file !== undefined).join(', ')
    throw new CollectorError('CONFIG_INVALID', `Cannot use the TLS files ${files}: ${(error as Error).message}`, { cause: error })
  }
}

async function readPem(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new CollectorError('CONFIG_INVALID', `Cannot read TLS file "${file}": ${(error as Error).message}`, { cause: error })
  }
}

/** Calls back when one of the files changes, replaced links (Kubernetes secrets) included; returns the function that ends it. */
export function watchIdentity(options: TlsOptions, onChange: () => void): () => void {
  const files = [options.certFile, options.keyFile, options.clientCaFile].filter(file => file !== undefined)
  for (const file of files) watchFile(file, { interval: options.reloadIntervalMs, persistent: false }, onChange)
  return () => {
    for (const file of files) unwatchFile(file, onChange)
  }
}

/** Names of a client certificate: its DNS names, or the common name when it has none. */
export function certificateNames(certificate: X509Certificate): string[] {
  const dns = (certificate.subjectAltName ?? '').split(', ').flatMap(entry => (entry.startsWith('DNS:') ? [entry.slice(4)] : []))
  const common = /^CN=(.*)$/m.exec(certificate.subject)?.[1]
  return (dns.length > 0 || common === undefined ? dns : [common]).map(name => name.toLowerCase())
}

/** True when one of the names is in the list, in which `*.example.com` stands for every name below example.com. */
export function isNameAllowed(names: readonly string[], allowed: readonly string[]): boolean {
  return allowed.some(entry => {
    const wanted = entry.toLowerCase()
    return names.some(name => (wanted.startsWith('*.') ? name.endsWith(wanted.slice(1)) && name.length >= wanted.length : name === wanted))
  })
}

/** Why the client behind a TLS socket may not send, if so. The server asked for certificates and left the verdict to this. */
export function judgeClient(socket: TLSSocket, { clientCertificate, clientNames }: TlsOptions): string | undefined {
  if (clientCertificate === 'none') return undefined
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return clientCertificate === 'required' ? 'none was shown' : undefined
  if (!socket.authorized) return String(socket.authorizationError)
  const names = certificateNames(certificate)
  if (clientNames.length === 0 || isNameAllowed(names, clientNames)) return undefined
  return `${names.join(', ') || 'a certificate without name'} is not in clientNames`
}

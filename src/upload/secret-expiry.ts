/** When the secrets by which the tenant knows us end: a certificate says so itself, for the others a person does. */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'

export interface SecretSettings {
  token?: string
  client_secret?: string
  /** `YYYY-MM-DD`: last day of the token or the client secret. */
  secret_ends?: string
  certificate_file?: string
}

/** A certificate file that cannot be read is left out: the first upload says so better. */
export async function secretExpiries(settings: SecretSettings): Promise<{ secret: string; endsMs: number }[]> {
  const { token, client_secret, secret_ends, certificate_file } = settings
  const found: { secret: string; endsMs: number }[] = []
  const dated = token !== undefined ? 'token' : client_secret !== undefined ? 'client_secret' : undefined
  if (dated !== undefined && secret_ends !== undefined) found.push({ secret: dated, endsMs: Date.parse(secret_ends) })
  if (certificate_file !== undefined) {
    const certificate = await readCertificate(certificate_file)
    if (certificate !== undefined) found.push({ secret: 'certificate', endsMs: certificate.validToDate.getTime() })
  }
  return found.filter(({ endsMs }) => Number.isFinite(endsMs))
}

async function readCertificate(file: string): Promise<X509Certificate | undefined> {
  try {
    const pem = await readFile(file, 'utf8')
    // The key may stand first in the file.
    return new X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE-----')))
  } catch {
    return undefined
  }
}

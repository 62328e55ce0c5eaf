/** Would a receiver start with these certificate files, for whom do they speak, and for how long. */
import { X509Certificate } from 'node:crypto'
import { loadIdentity } from '../receivers/tls-identity.ts'
import type { Check } from '../telemetry/readiness.ts'
import { tlsOptions } from './receiver-options.ts'

const DAY_MS = 24 * 60 * 60e3
/** As the alerts do (certificate below 14 days). */
const SOON_MS = 14 * DAY_MS

/** Reads the files as the receiver does: they are there, are PEM, belong together, and the certificate counts at `nowMs`. */
export async function checkCertificate(what: string, tls: Parameters<typeof tlsOptions>[0], nowMs: number): Promise<Check> {
  const name = `${what}: certificate ${tls.cert_file}`
  try {
    const { context } = await loadIdentity(tlsOptions(tls))
    return { name, ...judge(new X509Certificate(context.cert as Buffer), nowMs) }
  } catch (error) {
    return { name, ok: false, detail: (error as Error).message }
  }
}

/** Senders that check a certificate look for the name they connect to among its alternative names (RFC 9525 section 6.3). */
function judge(certificate: X509Certificate, nowMs: number): Omit<Check, 'name'> {
  const { validFromDate, validToDate, subjectAltName, subject } = certificate
  if (validToDate.getTime() <= nowMs) return { ok: false, detail: `ended ${validToDate.toISOString()}` }
  if (validFromDate.getTime() > nowMs) return { ok: false, detail: `begins ${validFromDate.toISOString()}; is the clock right?` }
  const who = subjectAltName ?? `no alternative name, only ${subject.replaceAll('\n', ', ')}, which most senders refuse`
  const leftMs = validToDate.getTime() - nowMs
  const days = Math.floor(leftMs / DAY_MS)
  const soon = leftMs < SOON_MS ? `, in ${days} ${days === 1 ? 'day' : 'days'}: renew it` : ''
  return { ok: true, detail: `${who}; until ${validToDate.toISOString()}${soon}` }
}

/**
 * Static credentials of HTTP senders, compared in constant time.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

export interface HttpCredentials {
  /** Secret that the sender shows in `headerName`, or as `Authorization: Bearer …` or `Splunk …`. */
  secret?: string
  /** Header of the secret, in small letters. */
  headerName: string
  /** `user:password` of basic authentication. */
  basic?: string
}

/** Equal in a time that tells neither length nor common start. */
function isSame(found: string, wanted: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(found), hash(wanted))
}

/** True when a request shows one of the credentials. */
export function isAuthentic(headers: IncomingHttpHeaders, { secret, headerName, basic }: HttpCredentials): boolean {
  const shown = headers[headerName]
  if (secret !== undefined && typeof shown === 'string' && isSame(shown, secret)) return true
  const [, scheme = '', value = ''] = /^(\w+) +(.*)$/.exec(headers.authorization ?? '') ?? []
  if (basic !== undefined && scheme.toLowerCase() === 'basic') return isSame(Buffer.from(value, 'base64').toString(), basic)
  return secret !== undefined && /^(bearer|splunk)$/i.test(scheme) && isSame(value, secret)
}

/** Hot path: once per record with a URL. What a URL tells of the server, and the record of the scheme of a URL that is logged without one. */
import { DST_HOST, DST_IP, DST_PORT, type RecordFields, SCHEME_FTP, SCHEME_HTTP, SCHEME_HTTPS } from '../record.ts'

/** The host of the URL is the record's; an address, which has no letters, is so when the line names none. */
export function setServer(out: RecordFields, start: number, end: number, letters: boolean): void {
  if (letters) out.set(DST_HOST, start, end)
  else if (out.start[DST_IP]! < 0) out.set(DST_IP, start, end)
}

/** Scheme of a URL that is logged without one: what the parser said, else by the port, the URL's (0 without one) before the record's. */
export function schemeOf(out: RecordFields, port: number): 'http' | 'https' | 'ftp' {
  if (out.scheme === SCHEME_HTTPS) return 'https'
  if (out.scheme === SCHEME_HTTP) return 'http'
  if (out.scheme === SCHEME_FTP) return 'ftp'
  const number = port === 0 ? out.numbers[DST_PORT]! : port
  return number === 443 || number === 8443 ? 'https' : 'http'
}

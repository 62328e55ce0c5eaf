/**
 * Upload URLs with an expiry and a signature, in the shape of an Azure blob SAS. All that the tenant must remember of an issued URL
 * is in the URL, so issuing costs no memory and a restart forgets none.
 *
 * `/blob/<id>/<filename>?sv=…&se=<expiry>&sr=b&sp=cw&source=<source string>&sig=<HMAC-SHA-256 of the rest>`
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

export interface Ticket {
  /** 32 hex digits. */
  id: string
  filename: string
  source: string
  /** ISO time. */
  expires: string
}

/** As in real ones: decides the size limits of a single PUT and of a block. */
const STORAGE_VERSION = '2024-11-04'
const URL_PATTERN = /^\/blob\/([0-9a-f]{32})\/([^/?]{1,300})$/

export const newTicketId = (): string => randomBytes(16).toString('hex')

/** Path and query of a signed URL. */
export function signedPath(key: Buffer, ticket: Ticket): string {
  const query = new URLSearchParams({
    sv: STORAGE_VERSION,
    se: ticket.expires,
    sr: 'b',
    sp: 'cw',
    source: ticket.source,
    sig: signature(key, ticket).toString('base64')
  })
  return `/blob/${ticket.id}/${encodeURIComponent(ticket.filename)}?${query}`
}

/** The ticket of an URL (absolute, or path and query) that this key signed; undefined for any other. Expiry is not judged. */
export function readTicket(key: Buffer, url: string): Ticket | undefined {
  if (url.length > 4096 || !URL.canParse(url, 'http://tenant')) return undefined
  const { pathname, searchParams } = new URL(url, 'http://tenant')
  const match = URL_PATTERN.exec(pathname)
  if (!match) return undefined
  let filename: string
  try {
    filename = decodeURIComponent(match[2]!)
  } catch {
    return undefined
  }
  const ticket = { id: match[1]!, filename, source: searchParams.get('source') ?? '', expires: searchParams.get('se') ?? '' }
  const given = Buffer.from(searchParams.get('sig') ?? '', 'base64')
  const wanted = signature(key, ticket)
  return given.length === wanted.length && timingSafeEqual(given, wanted) ? ticket : undefined
}

const signature = (key: Buffer, { id, filename, source, expires }: Ticket): Buffer =>
  createHmac('sha256', key)
    .update(JSON.stringify([STORAGE_VERSION, id, filename, source, expires]))
    .digest()

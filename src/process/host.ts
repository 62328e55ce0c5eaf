/** Hot path: once per record with a host. Host names: lower case, ASCII (IDNA), without port and trailing dot. */
import { domainToASCII } from 'node:url'
import { canonicalIp } from '../lib/ip.ts'
import { isPlaceholder } from '../lib/placeholder.ts'
import { DST_HOST, DST_IP, type RecordFields } from '../record.ts'
import type { Corrections } from './corrections.ts'

const HOST_MAX_BYTES = 253

/** Bytes of a host name as it should be: 1 lower-case letter, digit, `-`, `_`, `.`; 2 upper-case letter. */
const HOST_BYTES = new Uint8Array(256)
for (const char of 'abcdefghijklmnopqrstuvwxyz0123456789-_.') HOST_BYTES[char.charCodeAt(0)] = 1
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') HOST_BYTES[char.charCodeAt(0)] = 2

/** Lower case, IDNA, no port, no trailing dot; an IP literal becomes the destination address. */
export function finalizeHost(out: RecordFields, corrections: Corrections): void {
  const { buf } = out
  const start = out.start[DST_HOST]!
  const end = withoutPort(buf, start, out.end[DST_HOST]!)
  let kinds = 0
  let letters = false
  for (let at = start; at < end; at++) {
    const kind = HOST_BYTES[buf[at]!]!
    if (kind === 0) {
      kinds = 4
      break
    }
    kinds |= kind
    if (buf[at]! > 0x39) letters = true
  }
  if (kinds < 4 && letters && end - start <= HOST_MAX_BYTES && buf[end - 1] !== 0x2e && buf[start] !== 0x2e) {
    if (isPlaceholder(buf, start, end)) out.clear(DST_HOST)
    else if (kinds === 1) out.set(DST_HOST, start, end)
    else if (out.scratchEnd - out.scratch >= end - start) setLowerCase(out, start, end)
    else out.clear(DST_HOST)
    return
  }
  slowHost(out, start, out.end[DST_HOST]!, corrections)
}

/** End of the host in `name:443`; the end as it is when what follows a colon is no number. */
export function withoutPort(buf: Buffer, start: number, end: number): number {
  let at = end
  while (at > start && buf[at - 1]! >= 0x30 && buf[at - 1]! <= 0x39) at--
  return at > start && buf[at - 1] === 0x3a ? at - 1 : end
}

function setLowerCase(out: RecordFields, start: number, end: number): void {
  const { buf, scratch } = out
  out.scratch = writeLowerCase(buf, start, end, scratch)
  out.set(DST_HOST, scratch, out.scratch)
}

/** Copies the bytes of a host to `to`, capitals as small letters; returns where the copy ends. */
export function writeLowerCase(buf: Buffer, start: number, end: number, to: number): number {
  let at = to
  for (let p = start; p < end; p++) {
    const byte = buf[p]!
    buf[at++] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
  }
  return at
}

function slowHost(out: RecordFields, start: number, end: number, corrections: Corrections): void {
  const host = end - start > 1024 ? undefined : canonicalHost(out.buf.toString('utf8', start, end))
  if (host === '') out.clear(DST_HOST)
  else if (host === undefined) {
    out.clear(DST_HOST)
    corrections.host_dropped++
  } else {
    const ip = canonicalIp(host)
    if (ip === undefined) out.setText(DST_HOST, host)
    else {
      out.clear(DST_HOST)
      if (out.start[DST_IP]! < 0) out.setText(DST_IP, ip)
    }
  }
}

/** The host as it should be, '' when the text stands for none, undefined when it is no host. An IPv6 literal comes without brackets. */
export function canonicalHost(text: string): string | undefined {
  let host = text.trim().toLowerCase()
  if (isPlaceholder(Buffer.from(host), 0, Buffer.byteLength(host))) return ''
  if (host.startsWith('[')) return canonicalIp(host.slice(0, host.indexOf(']') + 1)) ?? undefined
  if (canonicalIp(host) !== undefined) return canonicalIp(host)
  host = host.replace(/:\d*$/, '').replace(/\.+$/, '')
  if (isPlaceholder(Buffer.from(host), 0, Buffer.byteLength(host))) return ''
  if (/^[a-z0-9._-]+$/.test(host)) return plainHost(host)
  if (/[\u0000-\u0020"#%/:<>?@[\\\]^`{|}]/.test(host)) return undefined
  // What IDNA maps to dots and other ASCII counts only now: `例え。` ends with a dot, and some signs pass as they are.
  const ascii = domainToASCII(host).replace(/\.+$/, '')
  if (isPlaceholder(Buffer.from(ascii), 0, ascii.length)) return '' // a full-width dash became one
  return /^[a-z0-9._-]+$/.test(ascii) ? plainHost(ascii) : undefined
}

/** A host of only digits and dots must be an address: no top-level domain is a number (RFC 3696 section 2). */
function plainHost(host: string): string | undefined {
  if (/^[0-9.]+$/.test(host)) return canonicalIp(host)
  return host.length <= HOST_MAX_BYTES && !host.startsWith('.') ? host : undefined
}

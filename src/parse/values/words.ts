/** Words that many appliances share for the transport and the application protocol of a transaction. */
import { type RecordFields, SCHEME_FTP, SCHEME_HTTP, SCHEME_HTTPS } from '../../record.ts'
import type { Value } from './line.ts'
import { WordTable } from './word-table.ts'

/** Names and IANA protocol numbers of what is neither TCP nor UDP, as firewalls write them. */
const OTHER_TRANSPORTS = new WordTable(
  'icmp icmpv4 icmpv6 icmp6 icmp-v6 ipv6-icmp igmp ipip gre esp ah ospf pim vrrp sctp rsvp l2tp eigrp 1 2 4 41 46 47 50 51 58 88 89 103 112 115 132'.split(
    ' '
  )
)
const SCHEME_WORDS = new WordTable('http http_proxy https ssl tls http_over_tls http2 quic ftp ftp_over_http'.split(' '))
const SCHEMES = [
  SCHEME_HTTP,
  0, // HTTP_PROXY is a CONNECT: its port tells
  SCHEME_HTTPS,
  SCHEME_HTTPS,
  SCHEME_HTTPS,
  SCHEME_HTTPS,
  SCHEME_HTTPS,
  SCHEME_HTTPS,
  SCHEME_FTP,
  SCHEME_FTP
]

/** True when the value names a transport other than TCP and UDP (`ICMP`, `igmp`, `47`). Absent and unknown words are not. */
export function isOtherTransport(value: Value): boolean {
  return value.present && OTHER_TRANSPORTS.indexOf(value.line.buf, value.start, value.end) >= 0
}

/** Takes the scheme of a URL that is logged without one from a protocol word (`HTTPS`, `ssl`, `http`); other words say nothing. */
export function setScheme(value: Value, out: RecordFields): void {
  if (!value.present) return
  const index = SCHEME_WORDS.indexOf(value.line.buf, value.start, value.end)
  if (index >= 0) out.scheme = SCHEMES[index]!
}

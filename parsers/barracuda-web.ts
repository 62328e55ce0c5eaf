/**
 * Barracuda Web Security Gateway (Web Filter), and the web log of CloudGen firewalls: `http_scan` lines.
 * Format: Barracuda Campus, "Syslog and the Barracuda Web Security Gateway".
 *
 *   epoch 1 source destination type source url size BYF action reason detail … [user] referer domain …
 *
 * Single blanks separate, so an empty detail leaves two. `size` is the response; there is no upload count.
 */
import {
  action,
  count,
  delimitedParser,
  epoch,
  type Frame,
  find,
  findByte,
  headFind,
  headHas,
  isDigit,
  isPlaceholder,
  malformed,
  needle,
  raw,
  skip,
  text,
  tokenEnd
} from '../src/parse/kit.ts'
import { DST_IP, type RecordFields, USER } from '../src/record.ts'

const TAG = needle('http_scan[')
const USER_OPEN = needle(' [')
/** The user stands after the reason and the policy fields, before the referer: more than this far away it is another bracket. */
const USER_WITHIN_BYTES = 1024

export default delimitedParser({
  id: 'barracuda-web',
  appliance: 'Barracuda Web Security Gateway',
  recognizes: frame => headHas(frame, TAG),
  start(frame) {
    const tag = headFind(frame, TAG)
    return tag < 0 ? -1 : tokenEnd(frame.buf, tag, frame.end) + 1
  },
  syntax: { separator: 0x20, quote: 0, runs: false, brackets: false },
  columns: ['epoch', 'one', 'source', 'destination', 'type', 'client', 'url', 'size', 'mark', 'action'],
  fields: {
    epoch: epoch(),
    source: text('srcIp'),
    destination: text('dstIp'),
    url: text('url'),
    size: count('downloadedBytes'),
    mark: raw(),
    action: action({ warned: 'allowed' })
  },
  finish(v, out, frame) {
    // messages of the scanner itself have words where the time should be
    if (!v.epoch.present || !isDigit(frame.buf[v.epoch.start])) return skip(out, 'not_traffic')
    if (!v.mark.is('BYF') || !v.action.present) return malformed(out, 'short_row')
    cutSecondName(out)
    readUser(frame, v.action.end, out)
    return 'parsed'
  }
})

/** `203.0.113.1(name)` */
function cutSecondName(out: RecordFields): void {
  const start = out.start[DST_IP]!
  if (start < 0) return
  const open = findByte(out.buf, start, out.end[DST_IP]!, 0x28)
  if (open > start) out.set(DST_IP, start, open)
}

/** `[user]`, `[ldap0:user]` with the number of the directory, `[-]` or `(-)` without one. */
function readUser(frame: Frame, after: number, out: RecordFields): void {
  const { buf } = frame
  const last = Math.min(frame.end, after + USER_WITHIN_BYTES)
  const open = find(buf, after, last, USER_OPEN)
  if (open < 0) return
  let start = open + USER_OPEN.length
  const end = findByte(buf, start, last, 0x5d)
  const colon = end < 0 ? -1 : findByte(buf, start, end, 0x3a)
  if (colon > start && isDigit(buf[colon - 1])) start = colon + 1
  if (end > start && !isPlaceholder(buf, start, end)) out.set(USER, start, end)
}

/**
 * W3C extended log of a proxy that has no parser of its own, by its `#Fields` directive.
 * Format: W3C Working Draft WD-logfile, with ProxySG's column names. Web servers, caches and delivery networks write the same
 * format about requests to the company's own sites: rows without the host that was asked for are taken for those.
 */
import {
  applyElff,
  count,
  directiveOwner,
  ELFF_FIELDS,
  FieldTable,
  isDirective,
  looksLikeRow,
  malformed,
  type Parser,
  raw,
  readDirective,
  rowStart,
  scanRow,
  skip,
  text,
  W3cState
} from '../src/parse/kit.ts'
import { DST_HOST, DST_IP, type RecordFields, URL } from '../src/record.ts'

const table = new FieldTable({
  ...ELFF_FIELDS,
  'src-ip': text('srcIp'),
  'dst-ip': text('dstIp'),
  'dst-host': text('dstHost'),
  user: text('user'),
  'x-total-bytes': count('totalBytes'),
  's-sitename': raw()
})
const { v } = table

const parser: Parser<W3cState> = {
  id: 'generic-w3c',
  appliance: 'Any proxy that writes the W3C extended log format',
  generic: true,
  newState: () => new W3cState(),
  signature: () => 0, // rows are told by their header, which no other parser of this intake has
  recognizes(frame, state) {
    if (isDirective(frame)) {
      const owner = directiveOwner(frame)
      return owner === '' || owner === 'other'
    }
    return state !== undefined && looksLikeRow(frame, state)
  },
  parse(frame, out, state) {
    if (isDirective(frame)) {
      readDirective(frame, state, table)
      return skip(out, 'header')
    }
    if (state.map === undefined) return malformed(out, 'no_header')
    table.begin(frame)
    if (!scanRow(frame, rowStart(frame, state.first), state, table.values)) return malformed(out, 'short_row')
    applyElff(table, frame, state, out)
    return isInbound(state, out) ? skip(out, 'inbound') : 'parsed'
  }
}

/** A web server's row names no other host than itself: its URL is a path, or the site's configuration stands in a column. */
function isInbound(state: W3cState, out: RecordFields): boolean {
  if (v['s-sitename'].present && !state.has('r-ip') && !state.has('sc-filter-result')) return true
  if (!state.has('s-action') && (state.has('s-siteid') || state.has('s-accountname'))) return true
  const asked = out.has(DST_HOST) || out.has(DST_IP)
  return !asked && (!out.has(URL) || out.buf[out.start[URL]!] === 0x2f)
}

export default parser

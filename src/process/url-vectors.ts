/**
 * Hot path: once per record with a URL in the lane's memory. The usual ways in which logs write URLs, read and put together by vector
 * code (src/lib/simd/url.ts); url.ts does the rest.
 */
import { readCount } from '../lib/bytes.ts'
import { isVectorMemory, laneInts, vectorCode } from '../lib/lane-memory.ts'
import { laneRecordAt } from '../lib/lane-record.ts'
import { HOST_IS_NAME, NOT_PLAIN, RECORD_FOUND, URL_BYTES, URL_HOST, URL_HOST_END, URL_PATH_END, URL_QUERY } from '../lib/simd/program.ts'
import { DST_HOST, DST_PORT, type RecordFields, URL } from '../record.ts'
import { withoutPort } from './host.ts'
import { schemeOf, setServer } from './url-server.ts'

const SLASH = 0x2f
/** Room for a scheme and a host before a path, and for what vectors write behind it. */
const ROOM_BYTES = 300

/** What the code finds in a URL. */
const foundAt = laneRecordAt + RECORD_FOUND
const found = laneInts(foundAt, URL_BYTES / 4)

/** True for the record of a lane, where its machine has vector code. */
export const canTakeVectors = ({ buf, isInLane }: RecordFields): boolean => isInLane && isVectorMemory(buf)

/**
 * Makes the URL, which is of this kind, one that is as it should be, and its host the record's. False when there is anything unusual about
 * it.
 */
export function normalizeByVectors(out: RecordFields, kind: number): boolean {
  const start = out.start[URL]!
  const end = out.end[URL]!
  if (take(out, start, kind)) return true
  if (out.scratchEnd - out.scratch < end - start + ROOM_BYTES) return false
  return out.buf[start] === SLASH ? joinPath(out, start, end) : prefixScheme(out, start, end)
}

/** The URL that stands at `start`, unless it is none. */
function take(out: RecordFields, start: number, kind: number): boolean {
  if (kind === NOT_PLAIN) return false
  setServer(out, found[URL_HOST / 4]!, found[URL_HOST_END / 4]!, kind === HOST_IS_NAME)
  out.set(URL, start, found[URL_PATH_END / 4]!)
  out.urlQuery = found[URL_QUERY / 4]!
  return true
}

/** As `take`, of a URL that was written to the scratch region. */
function takeWritten(out: RecordFields, kind: number): boolean {
  if (!take(out, out.scratch, kind)) return false
  out.scratch = found[URL_PATH_END / 4]!
  return true
}

/** `/path` beside a host that is known. */
function joinPath(out: RecordFields, start: number, end: number): boolean {
  const host = out.start[DST_HOST]!
  const port = out.numbers[DST_PORT]!
  const scheme = schemeOf(out, 0)
  if (host < 0 || scheme === 'ftp' || !(port < 0 || port === (scheme === 'https' ? 443 : 80)) || out.buf[start + 1] === SLASH) return false
  return takeWritten(out, vectorCode!.joinUrl(scheme === 'https' ? 1 : 0, host, out.end[DST_HOST]!, start, end, out.scratch, foundAt))
}

/** `host/path` and `host`; `host:443` with the scheme's own port. */
function prefixScheme(out: RecordFields, start: number, end: number): boolean {
  const hostEnd = withoutPort(out.buf, start, end)
  const port = hostEnd === end ? 0 : readCount(out.buf, hostEnd + 1, end)
  if (port === 0 && hostEnd < end) return false // no server has port 0
  const scheme = schemeOf(out, port)
  if (scheme === 'ftp' || !(port === 0 || port === (scheme === 'https' ? 443 : 80))) return false
  const kind = vectorCode!.joinUrl(scheme === 'https' ? 1 : 0, start, hostEnd, hostEnd, hostEnd, out.scratch, foundAt)
  if (port !== 0) {
    // the colon may stand in a path
    if (kind === NOT_PLAIN || found[URL_HOST_END / 4]! - found[URL_HOST / 4]! !== hostEnd - start) return false
    if (out.numbers[DST_PORT]! < 0) out.numbers[DST_PORT] = port
  }
  return takeWritten(out, kind)
}

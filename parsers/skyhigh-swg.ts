/**
 * Skyhigh Secure Web Gateway, before that McAfee and Trellix Web Gateway, on premises and in the cloud.
 *
 * Wire forms, told apart by their first bytes:
 *   [05/Jan/2026:09:15:30 +0000] "user" ip status "GET url HTTP/1.1" …   access.log; a header line `#time_stamp …` may name its columns
 *   mwg: status="403/80" srcip="…"                                       syslog; status/block id, bytes client→, →server, server→, →client
 *   date="2026-01-05T09:15:30.250Z" hostname="…"                         log handler
 *   LEEF:1.0|McAfee|Web Gateway|…  CEF:0|McAfee|Web Gateway|…            SIEM; LEEF pairs are separated by pipes
 *   user_id=… username=… source_ip=… http_action=…                       cloud, values without quotes
 *   "user_id","username","source_ip","http_action",…                     cloud, API export with a header row
 *
 * Formats: McAfee Web Gateway product guide (log handler), Skyhigh SSE log API; byte directions by name where the name says them.
 */
import {
  ACCESS_LOG,
  CefHeader,
  type ColumnMap,
  CSV,
  cefStart,
  type Frame,
  findByte,
  findLastByte,
  headerTime,
  isDigit,
  KEY_VALUE_SYNTAX,
  LeefHeader,
  leefStart,
  malformed,
  matchesAt,
  needle,
  type Outcome,
  type Parser,
  readCefHeader,
  readCount,
  readLeefHeader,
  scanCefExtension,
  scanDelimited,
  scanKeyValue,
  scanKnownKeys,
  scanLeef,
  skip,
  skipBlanks,
  tokenEnd
} from '../src/parse/kit.ts'
import {
  ACTION_ALLOWED,
  ACTION_BLOCKED,
  DOWNLOADED,
  DST_HOST,
  DST_IP,
  DST_PORT,
  type RecordFields,
  SRC_IP,
  TIME,
  UPLOADED,
  URL
} from '../src/record.ts'
import { completeCloud, readCloudHeader } from './skyhigh-swg/cloud.ts'
import {
  ACCESS_BOTH,
  ACCESS_DEFAULT,
  accessTable,
  cefTable,
  cloudTable,
  handlerTable,
  leefTable,
  syslogTable
} from './skyhigh-swg/fields.ts'
import {
  FORM_ACCESS,
  FORM_ACCESS_HEADER,
  FORM_CEF,
  FORM_CLOUD,
  FORM_CLOUD_HEADER,
  FORM_CLOUD_ROW,
  FORM_HANDLER,
  FORM_LEEF,
  FORM_NONE,
  FORM_SYSLOG,
  formOf,
  lineStart,
  newState,
  type State
} from './skyhigh-swg/form.ts'

const CONNECT = needle('CONNECT ')
const cefHeader = new CefHeader()
const leefHeader = new LeefHeader()

const parser: Parser<State> = {
  id: 'skyhigh-swg',
  appliance: 'Skyhigh Secure Web Gateway (McAfee, Trellix Web Gateway)',
  newState,
  recognizes(frame, state) {
    return formOf(frame, lineStart(frame), state ?? newState()) !== FORM_NONE
  },
  parse(frame, out, state): Outcome {
    const start = lineStart(frame)
    switch (formOf(frame, start, state)) {
      case FORM_ACCESS:
        return parseAccess(frame, out, start, state.access)
      case FORM_ACCESS_HEADER:
        state.access = accessTable.columns(
          frame.buf
            .toString('latin1', start + 1, frame.end)
            .replaceAll('"', '')
            .split(/ +/, 64)
        )
        return skip(out, 'header')
      case FORM_SYSLOG:
        return parseSyslog(frame, out, start)
      case FORM_HANDLER:
        return parseHandler(frame, out, start)
      case FORM_LEEF:
        return parseLeef(frame, out)
      case FORM_CEF:
        return parseCef(frame, out)
      case FORM_CLOUD:
        cloudTable.begin(frame)
        if (scanKnownKeys(frame.buf, start, frame.end, cloudTable.keys, cloudTable.values, KEY_VALUE_SYNTAX) < 4)
          return malformed(out, 'bad_syntax')
        return completeCloud(frame, out)
      case FORM_CLOUD_HEADER:
        readCloudHeader(frame, start, state)
        return skip(out, 'header')
      case FORM_CLOUD_ROW:
        cloudTable.begin(frame)
        if (scanDelimited(frame.buf, start, frame.end, state.cloud!, cloudTable.values, CSV) < state.cloud!.length)
          return malformed(out, 'short_row')
        return completeCloud(frame, out)
      default:
        return malformed(out, 'bad_syntax')
    }
  }
}

/** Status and block id: what the gateway blocked has an id; errors without one may be the server's. */
function decide(out: RecordFields, status: number, isBlocked: boolean, isKnown: boolean): void {
  if (isBlocked || status === 407) out.action = ACTION_BLOCKED
  else if (isKnown || (status >= 200 && status < 400)) out.action = ACTION_ALLOWED
}

/** `GET url HTTP/1.1`, or `CONNECT host:port HTTP/1.1`; false when there is no server in it. */
function setRequest(buf: Buffer, start: number, end: number, out: RecordFields): boolean {
  const url = skipBlanks(buf, tokenEnd(buf, start, end), end)
  const urlEnd = tokenEnd(buf, url, end)
  if (url >= urlEnd) return false
  if (!matchesAt(buf, start, end, CONNECT)) {
    out.set(URL, url, urlEnd)
    return true
  }
  const colon = findLastByte(buf, url, urlEnd, 0x3a)
  const hostEnd = colon >= url ? colon : urlEnd
  if (colon >= url) out.numbers[DST_PORT] = readCount(buf, colon + 1, urlEnd)
  if (!out.has(DST_HOST)) out.set(isDigit(buf[hostEnd - 1]) || buf[url] === 0x5b ? DST_IP : DST_HOST, url, hostEnd)
  return hostEnd > url
}

function parseAccess(frame: Frame, out: RecordFields, start: number, columns: ColumnMap): Outcome {
  const { buf, end } = frame
  accessTable.begin(frame)
  let wanted = columns
  if (columns === ACCESS_DEFAULT) {
    // newer versions write a second size without saying so
    scanDelimited(buf, start, end, ACCESS_BOTH, accessTable.values, ACCESS_LOG)
    if (accessTable.v.bytes_from_client.count() >= 0) wanted = ACCESS_BOTH
    accessTable.begin(frame)
  }
  scanDelimited(buf, start, end, wanted, accessTable.values, ACCESS_LOG)
  const { v } = accessTable
  if (!v.req_line.present || v.req_line.end >= end) return malformed(out, 'short_row')
  accessTable.apply(frame, out)
  if (!setRequest(buf, v.req_line.start, v.req_line.end, out)) return skip(out, 'not_traffic')
  const block = v.block_res.count()
  decide(out, v.status_code.count(), block > 0, block === 0)
  return 'parsed'
}

function parseSyslog(frame: Frame, out: RecordFields, start: number): Outcome {
  const { buf, end } = frame
  syslogTable.begin(frame)
  scanKeyValue(buf, start, end, syslogTable.keys, syslogTable.values, KEY_VALUE_SYNTAX)
  const { v } = syslogTable
  if (!v.srcip.seen) return malformed(out, 'bad_syntax')
  syslogTable.apply(frame, out)
  out.numbers[TIME] = headerTime(frame)
  if (v.bytes.present) {
    // client → gateway / gateway → server / server → gateway / gateway → client
    const first = findByte(buf, v.bytes.start, v.bytes.end, 0x2f)
    const last = findLastByte(buf, v.bytes.start, v.bytes.end, 0x2f)
    out.numbers[UPLOADED] = readCount(buf, v.bytes.start, first)
    out.numbers[DOWNLOADED] = readCount(buf, last + 1, v.bytes.end)
  }
  const slash = findByte(buf, v.status.start, v.status.end, 0x2f)
  const block = slash < 0 ? -1 : readCount(buf, slash + 1, v.status.end)
  decide(out, readCount(buf, v.status.start, slash < 0 ? v.status.end : slash), block > 0, block === 0)
  return 'parsed'
}

function parseHandler(frame: Frame, out: RecordFields, start: number): Outcome {
  handlerTable.begin(frame)
  scanKeyValue(frame.buf, start, frame.end, handlerTable.keys, handlerTable.values, KEY_VALUE_SYNTAX)
  const { v } = handlerTable
  if (!v.http_request_first_line.seen) return malformed(out, 'bad_syntax')
  handlerTable.apply(frame, out)
  // 255.255.255.255 stands for a server that was never looked up
  if (v.destination_ip.present && !v.destination_ip.is('255.255.255.255')) out.set(DST_IP, v.destination_ip.start, v.destination_ip.end)
  const line = v.http_request_first_line
  if (!setRequest(frame.buf, line.start, line.end, out) && !out.has(DST_HOST) && !out.has(DST_IP)) return skip(out, 'not_traffic')
  const block = v.block_id.count()
  decide(out, v.http_status_code.count(), block > 0, block === 0)
  return 'parsed'
}

function parseLeef(frame: Frame, out: RecordFields): Outcome {
  const mark = leefStart(frame)
  leefTable.begin(frame)
  if (!readLeefHeader(frame.buf, mark, frame.end, leefHeader)) return malformed(out, 'bad_syntax')
  scanLeef(frame.buf, leefHeader.pairs, frame.end, leefHeader.delimiter, leefTable.keys, leefTable.values)
  leefTable.apply(frame, out)
  const { v } = leefTable
  if (!out.has(SRC_IP)) return malformed(out, 'no_source')
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerTime(frame)
  decide(out, v.httpStatus.count(), v.blockReason.present && !v.blockReason.is('-') && !v.blockReason.is('0'), false)
  return 'parsed'
}

function parseCef(frame: Frame, out: RecordFields): Outcome {
  const extension = readCefHeader(frame.buf, cefStart(frame), frame.end, cefHeader)
  if (extension < 0) return malformed(out, 'bad_syntax')
  cefTable.begin(frame)
  scanCefExtension(frame.buf, extension, frame.end, cefTable.keys, cefTable.values)
  cefTable.apply(frame, out)
  if (Number.isNaN(out.numbers[TIME])) out.numbers[TIME] = headerTime(frame)
  return 'parsed'
}

export default parser

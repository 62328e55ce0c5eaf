/** Skyhigh Secure Web Gateway: which wire form a line has, by its first bytes. Hot path. */
import { afterTag, type ColumnMap, cefIs, type Frame, find, findByte, isDigit, leefIs, matchesAt, needle } from '../../src/parse/kit.ts'
import { ACCESS_DEFAULT } from './fields.ts'

const VENDORS = ['McAfee', 'Skyhigh', 'Skyhigh Security', 'Trellix']
const PRODUCTS = ['Web Gateway', 'Secure Web Gateway']

const ACCESS_HEADER = needle('#time_stamp ')
const AFTER_CLOCK = needle('] "')
const SYSLOG = needle('status="')
const SYSLOG_SECOND = needle('" srcip="')
const HANDLER = needle('date="')
const HANDLER_SECOND = needle('" hostname="')
const HANDLER_MARK = needle('http_request_first_line=')
const CLOUD = needle('user_id=')
const CLOUD_CUT = needle('id=')
const CLOUD_USER = needle(' username=')
const CLOUD_ACTION = needle(' http_action=')
const HEADER_NAMES = ['username', 'source_ip', 'http_action'].map(needle)

export const FORM_NONE = 0
export const FORM_ACCESS = 1
export const FORM_ACCESS_HEADER = 2
export const FORM_SYSLOG = 3
export const FORM_HANDLER = 4
export const FORM_LEEF = 5
export const FORM_CEF = 6
export const FORM_CLOUD = 7
export const FORM_CLOUD_HEADER = 8
export const FORM_CLOUD_ROW = 9

export interface State {
  /** Columns of the access log, by its header line or as delivered. */
  access: ColumnMap
  /** Columns of the cloud export, once its header row was seen. */
  cloud: ColumnMap | undefined
  /** The export begins with the user's number, by which rows are told from other CSV. */
  numbered: boolean
}

/** What an intake that has shown no header knows. */
export const newState = (): State => ({ access: ACCESS_DEFAULT, cloud: undefined, numbered: false })

/** Where the log line begins, after a syslog tag such as `mwg:`. */
export const lineStart = (frame: Frame): number => (frame.pri >= 0 || frame.timeStart >= 0 ? afterTag(frame) : frame.body)

export function formOf(frame: Frame, start: number, state: State): number {
  const { buf } = frame
  const end = Math.min(frame.end, start + 400)
  switch (buf[start]) {
    case 0x5b: // [dd/Mmm/yyyy:
      return start + 7 < end && // what lies behind the frame is of an earlier one
        buf[start + 3] === 0x2f &&
        buf[start + 7] === 0x2f &&
        isDigit(buf[start + 1]) &&
        (isAccessRow(buf, start, end) || state.access !== ACCESS_DEFAULT) // a header row may have put other columns first
        ? FORM_ACCESS
        : FORM_NONE
    case 0x23:
      return matchesAt(buf, start, end, ACCESS_HEADER) ? FORM_ACCESS_HEADER : FORM_NONE
    case 0x73: // status="403/80" srcip=
      return matchesAt(buf, start, end, SYSLOG) && find(buf, start + SYSLOG.length, Math.min(end, start + 40), SYSLOG_SECOND) > 0
        ? FORM_SYSLOG
        : FORM_NONE
    case 0x64: // date="2026-01-05T09:15:30.250Z" hostname=
      return matchesAt(buf, start, end, HANDLER) && buf[start + 16] === 0x54 && isHandlerRow(buf, start, frame.end)
        ? FORM_HANDLER
        : FORM_NONE
    case 0x69:
      return matchesAt(buf, start, end, CLOUD_CUT) && isCloudRow(buf, start, end) ? FORM_CLOUD : FORM_NONE
    case 0x75:
      if (matchesAt(buf, start, end, CLOUD)) return isCloudRow(buf, start, end) ? FORM_CLOUD : FORM_NONE
      return isCloudHeader(buf, start, end) ? FORM_CLOUD_HEADER : FORM_NONE
    case 0x22:
      // a header row may come again, with other columns: nothing but a number at the start tells a row from it
      if (state.cloud !== undefined && state.numbered && isCloudExportRow(buf, start, end, true)) return FORM_CLOUD_ROW
      if (isCloudHeader(buf, start, end)) return FORM_CLOUD_HEADER
      return state.cloud !== undefined && isCloudExportRow(buf, start, end, state.numbered) ? FORM_CLOUD_ROW : FORM_NONE
    case 0x4c:
    case 0x43:
      return siemForm(frame)
    default:
      return FORM_NONE
  }
}

/** A quoted user, then an address: Clavister and web servers begin with a bracket as well. */
function isAccessRow(buf: Buffer, start: number, end: number): boolean {
  const clock = find(buf, start + 12, Math.min(end, start + 40), AFTER_CLOCK)
  if (clock < 0) return false
  const quote = findByte(buf, clock + 3, end, 0x22)
  return quote > 0 && buf[quote + 1] === 0x20 && (isDigit(buf[quote + 2]) || findByte(buf, quote + 2, Math.min(end, quote + 8), 0x3a) > 0)
}

function isHandlerRow(buf: Buffer, start: number, end: number): boolean {
  return (
    find(buf, start + 20, Math.min(end, start + 48), HANDLER_SECOND) > 0 && find(buf, start, Math.min(end, start + 1024), HANDLER_MARK) > 0
  )
}

const isCloudRow = (buf: Buffer, start: number, end: number): boolean =>
  find(buf, start, Math.min(end, start + 40), CLOUD_USER) > 0 && find(buf, start, end, CLOUD_ACTION) > 0

/** The three names within the head, and commas. */
function isCloudHeader(buf: Buffer, start: number, end: number): boolean {
  if (findByte(buf, start, end, 0x2c) < 0 || findByte(buf, start, end, 0x3d) > 0) return false
  for (const name of HEADER_NAMES) if (find(buf, start, end, name) < 0) return false
  return true
}

/** `"-1","` or `"4711","` when the first column is the user's number. */
function isCloudExportRow(buf: Buffer, start: number, end: number, numbered: boolean): boolean {
  let at = start + 1
  if (buf[at] === 0x2d) at++
  while (at < end && isDigit(buf[at])) at++
  const isNumber = buf[at] === 0x22 && buf[at + 1] === 0x2c
  return numbered ? isNumber && buf[at + 2] === 0x22 : findByte(buf, start, end, 0x2c) > 0 && !isNumber
}

function siemForm(frame: Frame): number {
  for (const vendor of VENDORS) {
    for (const product of PRODUCTS) {
      if (leefIs(frame, vendor, product)) return FORM_LEEF
      if (cefIs(frame, vendor, product)) return FORM_CEF
    }
  }
  return FORM_NONE
}

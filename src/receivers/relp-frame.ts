/**
 * Frames of RELP (rsyslog's Reliable Event Logging Protocol, librelp documentation "relp.html"):
 *
 *   TXNR SP COMMAND SP DATALEN [SP DATA] LF     TXNR 1–999999999, COMMAND 1–32 letters, DATALEN octets of DATA
 */

/** Longest DATA that is taken; rsyslog's own default is 128 KiB. */
export const RELP_DATA_MAX_BYTES = 256 * 1024

const LF = 0x0a
const HEAD_MAX_BYTES = 9 + 1 + 32 + 1 + 9 + 1

export interface RelpFrame {
  txnr: number
  command: string
  /** Range of DATA. */
  start: number
  end: number
  /** Offset behind the frame's LF. */
  next: number
}

/** Reads the frame at `at`; `broken` when no frame can start so. */
export function parseRelpFrame(bytes: Buffer, at: number): RelpFrame | 'incomplete' | 'broken' {
  const head = headAt(bytes, at)
  const match = HEAD.exec(head)
  if (match === null) return couldBecomeHead(head) ? 'incomplete' : 'broken'
  const [all, txnr, command = '', length] = match
  const start = at + all.length
  const size = Number(length)
  if (size > RELP_DATA_MAX_BYTES) return 'broken'
  if (bytes[start - 1] === LF) return size === 0 ? { txnr: Number(txnr), command, start, end: start, next: start } : 'broken'
  const end = start + size
  if (end >= bytes.length) return 'incomplete'
  return bytes[end] === LF ? { txnr: Number(txnr), command, start, end, next: end + 1 } : 'broken'
}

/** As many bytes as must be there before the frame at the start, of which some are missing, can be whole. */
export function relpFrameBytes(bytes: Buffer): number {
  const match = HEAD.exec(headAt(bytes, 0))
  return match === null ? bytes.length + 1 : match[0].length + Number(match[3]) + 1
}

const HEAD = /^(\d{1,9}) ([a-zA-Z]{1,32}) (\d{1,9})[ \n]/
const headAt = (bytes: Buffer, at: number): string => bytes.toString('latin1', at, Math.min(at + HEAD_MAX_BYTES, bytes.length))

function couldBecomeHead(head: string): boolean {
  return head.length < HEAD_MAX_BYTES && /^(\d{1,9}( ([a-zA-Z]{1,32}( (\d{1,9})?)?)?)?)?$/.test(head)
}

/** A frame as bytes of the wire. */
export function formatRelpFrame(txnr: number, command: string, text = ''): string {
  const length = Buffer.byteLength(text)
  return length === 0 ? `${txnr} ${command} 0\n` : `${txnr} ${command} ${length} ${text}\n`
}

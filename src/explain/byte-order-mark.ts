/** The mark that files of Windows begin with, and what it says of their encoding. */

export type ByteOrderMark = 'UTF-8' | 'UTF-16'

/** Bytes of the longest mark. */
export const MARK_BYTES = 3

/** The mark that the first bytes of a file are, if any. */
export function byteOrderMark(head: Buffer): ByteOrderMark | undefined {
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return 'UTF-8'
  return (head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff) ? 'UTF-16' : undefined
}

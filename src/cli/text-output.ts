/** Output of verbs that may be long: written as fast as it is read, and harmless on a terminal. */
import { once } from 'node:events'

/** Resolves when the stream has room again. Rejects when it fails. */
export async function write(stream: NodeJS.WritableStream, text: string | Uint8Array): Promise<void> {
  if (!stream.write(text)) await once(stream, 'drain')
}

/** Control characters could write to the terminal what a stranger sent. */
export const visible = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f]/g, char => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)

/** `1 file`, `2 files`. */
export const counted = (value: number, what: string): string => `${value} ${what}${value === 1 ? '' : 's'}`

/** Secrets that lie in files of their own. */
import { readFileSync, statSync } from 'node:fs'

const SECRET_FILE_MAX_BYTES = 64 * 1024

/** The secret in a file, without the line break at its end. Throws Error when it cannot be read, is too large or empty. */
export function readSecretFile(file: string): string {
  const bytes = statSync(file).size
  if (bytes > SECRET_FILE_MAX_BYTES) throw new Error(`it has ${bytes} bytes, more than the ${SECRET_FILE_MAX_BYTES} a secret may have`)
  const secret = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  if (secret === '') throw new Error('it is empty')
  return secret
}

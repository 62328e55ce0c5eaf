/** Host keys of the SFTP receiver and public keys of its accounts. */
import { timingSafeEqual } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import ssh2, { type ParsedKey, type PublicKeyAuthContext } from 'ssh2'
import { CollectorError } from '../errors.ts'
import type { ReceiverLog } from './listen.ts'

/**
 * The private keys in the files. One that is missing is made (Ed25519) and kept, so that clients see the same key after a
 * restart; rejects with CONFIG_INVALID when it cannot be kept or read.
 */
export async function loadHostKeys(files: readonly string[], receiver: string, log: ReceiverLog): Promise<Buffer[]> {
  return Promise.all(
    files.map(async file => {
      try {
        const key = await readFile(file).catch(error => {
          if (error.code === 'ENOENT') return makeHostKey(file, receiver, log)
          throw error
        })
        const parsed = ssh2.utils.parseKey(key)
        if (parsed instanceof Error || !parsed.isPrivateKey()) throw new Error('it holds no private key without passphrase')
        return key
      } catch (error) {
        throw new CollectorError('CONFIG_INVALID', `Cannot use SFTP host key "${file}": ${(error as Error).message}`, { cause: error })
      }
    })
  )
}

async function makeHostKey(file: string, receiver: string, log: ReceiverLog): Promise<Buffer> {
  const { private: key, public: publicKey } = ssh2.utils.generateKeyPairSync('ed25519', { comment: 'sluice' })
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, key, { mode: 0o600, flag: 'wx' })
  log.warn(
    { receiver, file, publicKey },
    'there was no SFTP host key; one was made. Keep the file, or clients will not know this host again'
  )
  return Buffer.from(key)
}

/** Reads lines as in authorized_keys, options before the key not supported; throws CONFIG_INVALID naming the first bad one. */
export function parsePublicKeys(account: string, text: string): ParsedKey[] {
  const lines = text.split('\n').map(line => line.trim())
  return lines
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => {
      const key = ssh2.utils.parseKey(line)
      if (key instanceof Error || Array.isArray(key) || key.isPrivateKey()) {
        throw new CollectorError('CONFIG_INVALID', `Cannot use a public key of account "${account}": "${line.slice(0, 40)}…" is none`)
      }
      return key
    })
}

/** True when the client shows one of the keys and, if it signed, the signature is good. */
export function isKeyGood(context: PublicKeyAuthContext, keys: readonly ParsedKey[]): boolean {
  return keys.some(key => {
    const wanted = key.getPublicSSH()
    if (context.key.algo !== key.type || context.key.data.length !== wanted.length || !timingSafeEqual(context.key.data, wanted))
      return false
    if (context.signature === undefined || context.blob === undefined) return true // it asks whether to sign
    return key.verify(context.blob, context.signature, context.hashAlgo) === true
  })
}

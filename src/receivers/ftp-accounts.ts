/**
 * Accounts of the file receivers (FTP, SFTP): passwords given, in a file or as a hash, compared in constant time; addresses that
 * guess are kept out for a while.
 */
import { createHash, scrypt, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { LRUCache } from 'lru-cache'
import Type, { type Static } from 'typebox'
import { CollectorError } from '../errors.ts'

const HASH_PATTERN = '^scrypt:\\d{1,8}:\\d{1,2}:\\d{1,2}:[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$'

export const AccountOptions = Type.Object({
  name: Type.String({ description: 'Name to log in with.', default: 'discovery', minLength: 1, maxLength: 64 }),
  password: Type.Optional(Type.String({ description: 'Password. There is no default.', minLength: 8 })),
  passwordFile: Type.Optional(Type.String({ description: 'File that holds the password; read at start.', minLength: 1 })),
  passwordHash: Type.Optional(
    Type.String({ description: 'Password as scrypt:N:r:p:salt:hash, salt and hash in base64.', pattern: HASH_PATTERN })
  ),
  source: Type.Optional(
    Type.String({ description: 'Source that every file of this account belongs to, whatever its directory.', minLength: 1 })
  ),
  sources: Type.Array(Type.String(), { description: 'Directories (sources) that the account sees. Empty: all.', default: [] })
})
export type AccountOptions = Static<typeof AccountOptions>

export const LoginOptions = {
  maxLoginFailures: Type.Integer({ description: 'Failed logins of an address before it is kept out.', default: 10, minimum: 1 }),
  loginBlockMs: Type.Integer({ description: 'How long an address is kept out, since its last failure.', default: 300_000, minimum: 1 }),
  loginDelayMs: Type.Integer({ description: 'Wait before a failed login is answered.', default: 1000, minimum: 0 })
}
const LoginLimits = Type.Object(LoginOptions)

export interface Account {
  readonly name: string
  readonly source: string | undefined
  readonly sources: readonly string[]
}

type Secret =
  | { kind: 'plain'; password: string }
  | { kind: 'scrypt'; cost: { N: number; r: number; p: number }; salt: Buffer; hash: Buffer }

/** Memory that a hash may cost; scrypt takes 128 * N * r bytes. */
const SCRYPT_MAX_BYTES = 64 * 1024 * 1024

export class Accounts {
  readonly #accounts = new Map<string, { account: Account; secret: Secret | undefined }>()

  /** Reads password files; rejects with CONFIG_INVALID when one cannot be read or is too short, or a hash cannot be used. */
  static async load(options: readonly AccountOptions[]): Promise<Accounts> {
    const accounts = new Accounts()
    for (const { name, source, sources, ...secrets } of options) {
      accounts.#accounts.set(name, { account: { name, source, sources }, secret: await readSecret(name, secrets) })
    }
    return accounts
  }

  /** The account of this name, without asking for a password. */
  named(name: string): Account | undefined {
    return this.#accounts.get(name)?.account
  }

  /** The name for a log: of no account it may be a password that was typed into the wrong field. */
  nameForLog(name: string): string {
    return this.#accounts.has(name) ? name : '(unknown)'
  }

  /** The account, when name and password are right. An unknown name takes as long as a wrong password. */
  async verify(name: string, password: string): Promise<Account | undefined> {
    const found = this.#accounts.get(name)
    const [first] = this.#accounts.values()
    const secret = found?.secret ?? first?.secret
    if (secret === undefined) return undefined
    const isRight = await matches(password, secret)
    return isRight && found?.secret !== undefined ? found.account : undefined
  }
}

/** Throws RangeError when an account could be used without a secret. */
export function checkSecrets(receiver: string, accounts: readonly AccountOptions[], hasOther: (account: AccountOptions) => boolean): void {
  if (accounts.length === 0) throw new RangeError(`Cannot use receiver "${receiver}": it has no account`)
  const names = new Set(accounts.map(({ name }) => name))
  if (names.size < accounts.length) throw new RangeError(`Cannot use receiver "${receiver}": two accounts have the same name`)
  for (const account of accounts) {
    const { name, password, passwordFile, passwordHash } = account
    const given = [password, passwordFile, passwordHash].filter(each => each !== undefined).length
    if (given > 1)
      throw new RangeError(`Cannot use account "${name}" of receiver "${receiver}": set one of password, passwordFile and passwordHash`)
    if (given === 0 && !hasOther(account)) {
      throw new RangeError(
        `Cannot use account "${name}" of receiver "${receiver}": it has no password. There is no default; set password, passwordFile or passwordHash`
      )
    }
  }
}

const PASSWORD_MIN_LENGTH = 8

async function readSecret(
  name: string,
  { password, passwordFile, passwordHash }: { password?: string; passwordFile?: string; passwordHash?: string }
): Promise<Secret | undefined> {
  if (password !== undefined) return { kind: 'plain', password }
  if (passwordHash !== undefined) return parseHash(name, passwordHash)
  if (passwordFile === undefined) return undefined
  const text = await readFile(passwordFile, 'utf8').catch(error => {
    throw new CollectorError('CONFIG_INVALID', `Cannot read the password of account "${name}": ${error.message}`, { cause: error })
  })
  const line = text.replace(/\r?\n$/, '')
  if (new RegExp(HASH_PATTERN).test(line)) return parseHash(name, line)
  if (line.length >= PASSWORD_MIN_LENGTH) return { kind: 'plain', password: line }
  throw new CollectorError('CONFIG_INVALID', `Cannot use the password in "${passwordFile}": it has under ${PASSWORD_MIN_LENGTH} characters`)
}

function parseHash(name: string, text: string): Secret {
  const [, N, r, p, salt = '', hash = ''] = text.split(':')
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  if (128 * cost.N * cost.r > SCRYPT_MAX_BYTES || cost.p > 8 || (cost.N & (cost.N - 1)) !== 0 || cost.N < 2) {
    throw new CollectorError('CONFIG_INVALID', `Cannot use the password hash of account "${name}": its cost is not supported`)
  }
  return { kind: 'scrypt', cost, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') }
}

async function matches(password: string, secret: Secret): Promise<boolean> {
  if (secret.kind === 'plain') {
    const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
    return timingSafeEqual(digest(password), digest(secret.password))
  }
  const found = await new Promise<Buffer>((resolve, reject) => {
    const { cost, salt, hash } = secret
    scrypt(password, salt, hash.length, { ...cost, maxmem: 2 * SCRYPT_MAX_BYTES }, (error, key) =>
      error === null ? resolve(key) : reject(error)
    )
  })
  return timingSafeEqual(found, secret.hash)
}

const ADDRESSES_MAX = 10_000

/** Counts failed logins by address. */
export class LoginGuard {
  readonly #limits: Static<typeof LoginLimits>
  readonly #failures: LRUCache<string, number>

  constructor(limits: Static<typeof LoginLimits>) {
    this.#limits = limits
    this.#failures = new LRUCache({ max: ADDRESSES_MAX, ttl: limits.loginBlockMs })
  }

  isBlocked(address: string): boolean {
    return (this.#failures.get(address) ?? 0) >= this.#limits.maxLoginFailures
  }

  /** Resolves when the failure may be answered. */
  async failed(address: string): Promise<void> {
    this.#failures.set(address, (this.#failures.get(address) ?? 0) + 1)
    await new Promise(resolve => setTimeout(resolve, this.#limits.loginDelayMs).unref())
  }

  passed(address: string): void {
    this.#failures.delete(address)
  }
}

/**
 * Who we are to the service: an Entra application (client secret, certificate, workload or managed identity), or the legacy API
 * token (cloud-discovery 1.4). Tokens live in memory only and never reach a log or an error.
 */
import type { TokenCredential, TokenCredentialOptions } from '@azure/identity'
import type { Dispatcher } from 'undici'
import { identityHttpClient } from './azure-http.ts'
import { type Clock, systemClock } from './clock.ts'
import { headerOf, isLoopback, readBounded } from './http.ts'
import { answerFailure, classify, networkFailure, StepFailure } from './retry.ts'

/** "Microsoft Cloud App Security" in every commercial tenant. */
export const DEFAULT_SCOPE = '05a65629-4c1b-48c1-a78b-804c4abdd4af/.default'
export const DEFAULT_AUTHORITY_HOST = 'https://login.microsoftonline.com'
export const DISCOVERY_PERMISSION = 'Discovery.manage'
const KNOWN_AUTHORITIES = ['login.microsoftonline.com', 'login.microsoftonline.us', 'login.partner.microsoftonline.cn']

export type Credential =
  | { kind: 'token'; token: string }
  | { kind: 'client-secret'; tenantId: string; clientId: string; clientSecret: string }
  | { kind: 'certificate'; tenantId: string; clientId: string; certificateFile: string; certificatePassword?: string }
  | { kind: 'workload-identity'; tenantId: string; clientId: string; tokenFile: string }
  | { kind: 'managed-identity'; clientId?: string }

export interface AuthOptions {
  credential: Credential
  dispatcher: Dispatcher
  /** Entra login host of other clouds. @default https://login.microsoftonline.com */
  authorityHost?: string
  scope?: string
  clock?: Clock
  /** Bounds one token request. @default 30000 */
  timeoutMs?: number
}

/** Makes the `Authorization` header. */
export interface Auth {
  readonly kind: Credential['kind']
  /** Header value; asks for a token when there is none or it is old. Rejects with StepFailure (stage `token`). */
  header(): Promise<string>
  /** The service refused the token: forget it. False when there is nothing newer to be had. */
  renew(): boolean
  /** When the token at hand ends, ms; undefined without one. */
  readonly expiresMs: number | undefined
}

interface AccessToken {
  token: string
  expiresOnTimestamp: number
}

export function createAuth(options: AuthOptions): Auth {
  const { credential } = options
  return credential.kind === 'token' ? legacyAuth(credential.token.trim()) : new EntraAuth(options)
}

const legacyAuth = (token: string): Auth => ({
  kind: 'token',
  header: () => Promise.resolve(`Token ${token}`),
  renew: () => false,
  expiresMs: undefined
})

/** Renewed at this part of its life: early enough that an outage of the login host is not felt at once. */
const RENEW_AT = 0.8

class EntraAuth implements Auth {
  readonly kind: Credential['kind']
  readonly #options: AuthOptions
  readonly #clock: Clock
  #token: AccessToken | undefined
  #renewAtMs = 0
  #asking: Promise<AccessToken> | undefined

  constructor(options: AuthOptions) {
    this.kind = options.credential.kind
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  get expiresMs(): number | undefined {
    return this.#token?.expiresOnTimestamp
  }

  async header(): Promise<string> {
    const now = this.#clock.now()
    const known = this.#token
    if (known && now < this.#renewAtMs) return `Bearer ${known.token}`
    try {
      return `Bearer ${(await this.#ask()).token}`
    } catch (error) {
      // The login host may be down while the old token is still good.
      if (known && now < known.expiresOnTimestamp) return `Bearer ${known.token}`
      throw error
    }
  }

  renew(): boolean {
    this.#token = undefined
    return true
  }

  /** Callers at the same time share one request. */
  #ask(): Promise<AccessToken> {
    this.#asking ??= requestToken(this.#options)
      .then(token => {
        checkPermission(token.token)
        this.#token = token
        const now = this.#clock.now()
        this.#renewAtMs = now + (token.expiresOnTimestamp - now) * RENEW_AT
        return token
      })
      .finally(() => {
        this.#asking = undefined
      })
    return this.#asking
  }
}

async function requestToken(options: AuthOptions): Promise<AccessToken> {
  const { credential } = options
  const authority = new URL(options.authorityHost ?? DEFAULT_AUTHORITY_HOST)
  // @azure/identity insists on https. The local tenant speaks plain http on loopback, where the request is simple enough.
  if (credential.kind === 'client-secret' && authority.protocol === 'http:' && isLoopback(authority)) {
    return requestDirectly(options, credential, authority)
  }
  try {
    const identity = await azureCredential(options, authority)
    const token = await identity.getToken(options.scope ?? DEFAULT_SCOPE)
    if (!token) throw new Error('no token was given')
    return token
  } catch (error) {
    throw tokenFailure(error, (options.clock ?? systemClock).now())
  }
}

/** A new credential each time: the library's own cache would hand out the token that we want replaced. */
export async function azureCredential(options: AuthOptions, authority: URL): Promise<TokenCredential> {
  const identity = await import('@azure/identity')
  const { credential } = options
  const common: TokenCredentialOptions & { disableInstanceDiscovery: boolean } = {
    authorityHost: authority.origin,
    // Instance discovery asks Microsoft whether the host is a login host; other hosts are those of private clouds and of tests.
    disableInstanceDiscovery: !KNOWN_AUTHORITIES.includes(authority.hostname),
    httpClient: await identityHttpClient(options.dispatcher, options.timeoutMs ?? 30_000),
    retryOptions: { maxRetries: 1 }
  }
  switch (credential.kind) {
    case 'client-secret':
      return new identity.ClientSecretCredential(credential.tenantId, credential.clientId, credential.clientSecret, common)
    case 'certificate': {
      const password = credential.certificatePassword === undefined ? {} : { certificatePassword: credential.certificatePassword }
      const configuration = { certificatePath: credential.certificateFile, ...password }
      return new identity.ClientCertificateCredential(credential.tenantId, credential.clientId, configuration, common)
    }
    case 'workload-identity':
      return new identity.WorkloadIdentityCredential({
        ...common,
        tenantId: credential.tenantId,
        clientId: credential.clientId,
        tokenFilePath: credential.tokenFile
      })
    case 'managed-identity':
      return credential.clientId === undefined
        ? new identity.ManagedIdentityCredential(common)
        : new identity.ManagedIdentityCredential(credential.clientId, common)
    case 'token':
      throw new Error('a legacy token needs no request')
  }
}

async function requestDirectly(
  options: AuthOptions,
  credential: Extract<Credential, { kind: 'client-secret' }>,
  authority: URL
): Promise<AccessToken> {
  const timeoutMs = options.timeoutMs ?? 30_000
  const form = { client_id: credential.clientId, client_secret: credential.clientSecret, scope: options.scope ?? DEFAULT_SCOPE }
  const answer = await options.dispatcher
    .request({
      origin: authority.origin,
      path: `/${encodeURIComponent(credential.tenantId)}/oauth2/v2.0/token`,
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...form }).toString(),
      signal: AbortSignal.timeout(timeoutMs)
    })
    .then(async ({ statusCode, headers, body }) => ({ statusCode, headers, text: await readBounded(body, 64 * 1024) }))
    .catch(cause => {
      throw networkFailure('get an access token', 'token', cause)
    })
  const now = (options.clock ?? systemClock).now()
  if (answer.statusCode !== 200) {
    const failure = {
      stage: 'token',
      status: answer.statusCode,
      body: answer.text,
      retryAfter: headerOf(answer.headers, 'retry-after')
    } as const
    throw answerFailure('get an access token', failure, now)
  }
  const { access_token: token, expires_in: seconds } = JSON.parse(answer.text) as { access_token: string; expires_in: number }
  return { token, expiresOnTimestamp: now + seconds * 1000 }
}

/** What a failure of @azure/identity means. Its errors carry a status when the login host answered. */
function tokenFailure(error: unknown, now: number): StepFailure {
  if (error instanceof StepFailure) return error
  const { name, message, statusCode } = error as { name?: string; message?: string; statusCode?: number }
  const status = typeof statusCode === 'number' ? statusCode : (/\bstatus(?: code)?:? (\d{3})\b/i.exec(message ?? '')?.[1] ?? 0)
  const brief = (message ?? String(error)).replaceAll(/\s+/g, ' ').slice(0, 300)
  const failure = { stage: 'token', status: Number(status), body: brief } as const
  const refused = failure.status === 0 && name === 'AuthenticationRequiredError'
  return new StepFailure(
    `Cannot get an access token: ${brief}`,
    failure,
    refused || /AADSTS7\d{5}|AADSTS90002|invalid_client|unauthorized_client/.test(brief)
      ? { kind: 'stop-all', state: 'auth' }
      : classify(failure, now),
    { cause: error }
  )
}

/** Application permissions of an access token (RFC 7519 payload, claim `roles`); undefined when it cannot be read. */
export function rolesOf(token: string): string[] | undefined {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { roles?: unknown }
    return Array.isArray(claims.roles) ? claims.roles.map(String) : []
  } catch {
    return undefined
  }
}

/** Better told here than by a bare 403 of the service. A token that cannot be read is left to the service to judge. */
function checkPermission(token: string): void {
  const roles = rolesOf(token)
  if (!roles || roles.includes(DISCOVERY_PERMISSION)) return
  const has = roles.length > 0 ? `only ${roles.slice(0, 10).join(', ')}` : 'no application permission'
  throw new StepFailure(
    `Cannot use the access token: it holds ${has}, expected ${DISCOVERY_PERMISSION}; add it to the Entra application and grant admin consent`,
    { stage: 'token', status: 403 },
    { kind: 'stop-all', state: 'auth' }
  )
}

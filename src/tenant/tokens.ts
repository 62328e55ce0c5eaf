/** Access tokens in the shape of Entra's, unsigned: the local tenant trusts whoever can reach it. */

const API_ID = '05a65629-4c1b-48c1-a78b-804c4abdd4af'
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A JWT (RFC 7519, `alg: none`) that holds the given application permissions. */
export function newToken(roles: readonly string[], now: number, lifetimeSeconds: number): string {
  const issued = Math.floor(now / 1000)
  return `${part({ typ: 'JWT', alg: 'none' })}.${part({ aud: API_ID, iat: issued, nbf: issued, exp: issued + lifetimeSeconds, roles })}.`
}

/** The `roles` claim of a token that has not expired; undefined for anything else. */
export function tokenRoles(token: string, now: number): string[] | undefined {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp?: unknown; roles?: unknown }
    if (typeof claims.exp !== 'number' || claims.exp * 1000 <= now) return undefined
    return Array.isArray(claims.roles) ? claims.roles.filter(role => typeof role === 'string') : []
  } catch {
    return undefined
  }
}

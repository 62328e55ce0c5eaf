/** Who may ask: a bearer token, and a Host header that names this server. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import { TokenAttempts } from './token-attempts.ts'

export interface GuardOptions {
  token?: string | undefined
  /** Listens on loopback only. */
  isLoopback: boolean
  /** Further host names that are taken. */
  hosts: readonly string[]
  /** Paths that need no token: the checks of an orchestrator, which say nothing but ok or not. */
  openPaths: ReadonlySet<string>
}

/** Runs before every request; answers 421 or 401 itself. */
export function guard(options: GuardOptions): onRequestHookHandler {
  const expected = options.token === undefined ? undefined : digest(options.token)
  const attempts = new TokenAttempts()
  const names = new Set(['localhost', ...options.hosts.map(host => host.toLowerCase())])
  return (request, reply, done) => {
    if (options.isLoopback && !namesThisServer(request, names)) {
      refuse(reply, 421, 'HOST_UNKNOWN', 'The Host header names another server; see admin.hosts')
    } else if (!expected || options.openPaths.has(request.url.split('?', 1)[0]!)) done()
    else if (checkToken(request, reply, expected, attempts)) done()
  }
}

/** True when the request names the token; else it is answered. Who guesses has to wait, and then a right guess is not heard either. */
function checkToken(request: FastifyRequest, reply: FastifyReply, expected: Buffer, attempts: TokenAttempts): boolean {
  const { authorization } = request.headers
  const waitSeconds = authorization === undefined ? 0 : attempts.waitSeconds(request.ip)
  if (waitSeconds > 0) {
    reply.header('retry-after', waitSeconds)
    refuse(reply, 429, 'TOKEN_GUESSED', `Too many wrong tokens came from your address; try again in ${waitSeconds} s`)
    return false
  }
  if (hasToken(request, expected)) return true
  reply.header('www-authenticate', 'Bearer realm="sluice"')
  if (authorization === undefined) refuse(reply, 401, 'TOKEN_NEEDED', 'A bearer token is needed: Authorization: Bearer …')
  else {
    attempts.failed(request.ip)
    refuse(reply, 401, 'TOKEN_WRONG', 'This is not the token of admin.token or admin.token_file')
  }
  return false
}

/**
 * A page of somebody else's site can make a browser ask 127.0.0.1 under a name of its own (DNS rebinding); then the Host header
 * holds that name. Literal addresses cannot be rebound.
 */
function namesThisServer(request: FastifyRequest, names: ReadonlySet<string>): boolean {
  const host = /^\[([^\]]*)\](?::\d+)?$|^([^:]*)(?::\d+)?$/.exec(request.headers.host ?? '')
  const name = (host?.[1] ?? host?.[2] ?? '').toLowerCase()
  return names.has(name) || isIP(name) !== 0
}

/** Digests have one length, so that the comparison tells nothing about the token, not even how long it is. */
function hasToken(request: FastifyRequest, expected: Buffer): boolean {
  const given = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  return given !== undefined && timingSafeEqual(digest(given), expected)
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

function refuse(reply: FastifyReply, status: number, code: string, message: string): void {
  reply.code(status).send({ code, message })
}

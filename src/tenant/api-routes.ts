/** The calls that go to the tenant's API: upload URL, finalise, stream list, and the token endpoint of Entra beside it. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isKnownSourceString, logTypeOf, STREAM_NAME_PATTERN } from '../lib/source-strings.ts'
import type { TenantContext } from './context.ts'
import { newTicketId, readTicket, signedPath } from './signing.ts'
import { streamId, type TenantUpload } from './store.ts'
import { newToken, tokenRoles } from './tokens.ts'

const STREAMS_PAGE_MAX = 100
const DISCOVERY_PERMISSION = 'Discovery.manage'
const NOT_FOUND_STREAM = 'CONSOLE_PARSE_LOG_TASK_ERROR_NOT_FOUND_INPUT_STREAM'

type Query = Record<string, string | string[] | undefined>
const one = (value: unknown): string => (typeof value === 'string' ? value : '')
const bad = (reply: FastifyReply, detail: string, errorMessageCode?: string): FastifyReply =>
  reply.code(400).send({ detail, ...(errorMessageCode ? { errorMessageCode } : {}) })

export function apiRoutes(app: FastifyInstance, tenant: TenantContext): void {
  app.get('/api/v1/discovery/upload_url/', { config: { call: 'upload_url' }, preHandler: guard(tenant) }, (request, reply) => {
    const query = request.query as Query
    const filename = one(query.filename)
    const source = one(query.source)
    if (filename === '' || filename.length > 255) return bad(reply, 'filename is missing or longer than 255 characters')
    if (!isKnownSourceString(source)) return bad(reply, `source "${source.slice(0, 80)}" is not a known source string`)
    const expires = new Date(tenant.now() + tenant.options.sasLifetimeMs).toISOString()
    const path = signedPath(tenant.store.key, { id: newTicketId(), filename, source, expires })
    return reply.send({ url: `${tenant.blobBase()}${path}`, provider: tenant.options.provider })
  })

  app.post('/api/v1/discovery/done_upload/', { config: { call: 'done_upload' }, preHandler: guard(tenant) }, (request, reply) =>
    doneUpload(tenant, request, reply)
  )

  app.get('/api/discovery/streams/', { config: { call: 'streams' }, preHandler: guard(tenant) }, (request, reply) => {
    const query = request.query as Query
    const skip = Math.max(0, Number.parseInt(one(query.skip), 10) || 0)
    const limit = Math.min(STREAMS_PAGE_MAX, Math.max(1, Number.parseInt(one(query.limit), 10) || STREAMS_PAGE_MAX))
    const all = streamList(tenant)
    return reply.send({ data: all.slice(skip, skip + limit), total: all.length, hasNext: skip + limit < all.length })
  })

  app.get('/:tenantId/v2.0/.well-known/openid-configuration', (request, reply) => {
    const base = `${tenant.blobBase()}/${encodeURIComponent((request.params as { tenantId: string }).tenantId)}`
    return reply.send({
      issuer: `${base}/v2.0`,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      jwks_uri: `${base}/discovery/v2.0/keys`
    })
  })

  app.post('/:tenantId/oauth2/v2.0/token', { config: { call: 'token' } }, (request, reply) => {
    const form = request.body as Query | undefined
    const { client } = tenant.options
    const refuse = (error: string, description: string): FastifyReply => reply.code(401).send({ error, error_description: description })
    if (form?.grant_type !== 'client_credentials') return refuse('unsupported_grant_type', 'AADSTS70003: client_credentials is needed')
    const { tenantId } = request.params as { tenantId: string }
    if (client && (form.client_id !== client.clientId || form.client_secret !== client.clientSecret || tenantId !== client.tenantId))
      return refuse('invalid_client', 'AADSTS7000215: Invalid client secret provided.')
    const lifetimeSeconds = tenant.options.tokenLifetimeSeconds
    const token = newToken(tenant.options.roles, tenant.now(), lifetimeSeconds)
    return reply.send({ token_type: 'Bearer', expires_in: lifetimeSeconds, ext_expires_in: lifetimeSeconds, access_token: token })
  })
}

/** Rate limit first, then who asks, as the service does. */
function guard(tenant: TenantContext) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const waitSeconds = tenant.limiter?.take(tenant.now()) ?? 0
    if (waitSeconds > 0) return reply.code(429).send({ detail: `Request was throttled. Expected available in ${waitSeconds} seconds.` })
    const header = request.headers.authorization ?? ''
    const legacy = /^Token ([0-9a-f]{64})$/i.exec(header)
    if (legacy && (tenant.options.token === undefined || tenant.options.token === legacy[1])) return undefined
    const roles = header.startsWith('Bearer ') ? tokenRoles(header.slice('Bearer '.length), tenant.now()) : undefined
    if (!roles) return reply.code(401).send({ detail: 'Invalid token.' })
    if (!roles.includes(DISCOVERY_PERMISSION)) return reply.code(403).send({ detail: 'You do not have permission to perform this action.' })
    return undefined
  }
}

async function doneUpload(tenant: TenantContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const body = (request.body ?? {}) as Record<string, unknown>
  const name = one(body.inputStreamName)
  const snapshot = body.uploadAsSnapshot === true || body.uploadAsSnapshot === 'true'
  const ticket = readTicket(tenant.store.key, one(body.uploadUrl))
  if (!ticket) return bad(reply, 'uploadUrl was not issued by this tenant')
  if (!STREAM_NAME_PATTERN.test(name)) return bad(reply, 'inputStreamName must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -')
  const { streams } = tenant.options
  if (streams && !snapshot && !streams.some(stream => stream.name === name))
    return bad(reply, `there is no data source "${name}"`, NOT_FOUND_STREAM)
  if (snapshot && ticket.source.endsWith('_SYSLOG')) return bad(reply, 'a snapshot takes only the file form of a source')
  const known = tenant.store.find(ticket.id)
  if (known) return again(known, reply)
  const upload = await tenant.store.finalise(ticket, name, snapshot, tenant.now())
  if (!upload) {
    const meanwhile = tenant.store.find(ticket.id)
    return meanwhile ? again(meanwhile, reply) : bad(reply, 'nothing was uploaded to uploadUrl')
  }
  tenant.judge(upload)
  return reply.send({ success: true, inputStreamId: upload.inputStreamId })
}

/** Whether the service counts a second call 3 twice is not known; here it is answered and only remembered. */
function again(upload: TenantUpload, reply: FastifyReply): FastifyReply {
  upload.finalised++
  return reply.send({ success: true, inputStreamId: upload.inputStreamId })
}

function streamList(tenant: TenantContext): object[] {
  const names = new Set([...(tenant.options.streams ?? []).map(stream => stream.name), ...tenant.store.streams.keys()])
  return [...names].map(name => {
    const stream = tenant.store.streams.get(name)
    const sourceString = tenant.options.streams?.find(known => known.name === name)?.sourceString ?? stream?.sourceString ?? ''
    return {
      _id: streamId(name),
      displayName: name,
      logType: logTypeOf(sourceString),
      streamType: 1,
      lastDataReceived: stream?.lastReceivedMs ?? null,
      logFilesHistoryCount: stream?.files ?? 0,
      logFilesFailsCount: stream?.failedFiles ?? 0,
      anonymizeUsers: false,
      supportedTrafficTypes: [1, 2, 3],
      supportedEntityTypes: [1, 2]
    }
  })
}

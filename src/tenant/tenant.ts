/**
 * The local tenant: a stand-in for the service on this machine. It answers the three upload calls, takes the bytes, keeps them as
 * they were sent, and judges each file as the service would. Sluice starts it when no tenant is configured; tests use it as the
 * service's double. It is no part of Microsoft's product and knows only what is publicly documented of it.
 */
import { join } from 'node:path'
import fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { CollectorError } from '../errors.ts'
import { apiRoutes } from './api-routes.ts'
import { blobCall, blobRoutes, discardBody } from './blob-routes.ts'
import type { TenantContext, TenantSettings } from './context.ts'
import type { Fault, Faults, TenantCall } from './faults.ts'
import { RequestWindow } from './request-window.ts'
import { type StoreLimits, TenantStore, type TenantStream, type TenantUpload } from './store.ts'
import { FILE_MAX_BYTES, judgeFile, type Limits } from './verdict.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    call?: TenantCall
  }
}

export interface TenantOptions {
  /** Folder that keeps what arrives; made when it is not there. */
  dir: string
  /** @default 127.0.0.1 */
  host?: string
  /** 0 takes any free port. @default 0 */
  port?: number
  /** PEM texts; with them the tenant speaks https. */
  tls?: { cert: string; key: string }
  /** Is told about each file and its verdict. */
  log?: FastifyBaseLogger
  faults?: Faults
  /** Clock in ms. @default Date.now */
  now?: () => number
  /** Requests to the API in any minute; beyond it the answer is 429. Absent: not limited. */
  requestsPerMinute?: number
  /** Data sources that exist. Absent: any name is taken. */
  streams?: readonly { name: string; sourceString?: string }[]
  /** The one legacy token that is taken. Absent: any of 64 hex digits. */
  token?: string
  /** The one application that gets tokens. Absent: any. */
  client?: { tenantId: string; clientId: string; clientSecret: string }
  /** Permissions in the tokens it makes. @default ['Discovery.manage'] */
  roles?: readonly string[]
  /** @default 3599 */
  tokenLifetimeSeconds?: number
  /** How long an upload URL is good. @default 1 hour */
  sasLifetimeMs?: number
  /** @default azure */
  provider?: string
  limits?: Limits & StoreLimits
}

export interface Tenant {
  /** Base URL, without a slash at the end. */
  readonly url: string
  /** Files that were finalised, oldest first; copies. */
  uploads(): TenantUpload[]
  /** Counts per data source that has received a file. */
  streams(): TenantStream[]
  /** Requests by call since the start. */
  readonly requests: Readonly<Record<TenantCall, number>>
  /** Absolute path of a kept file. */
  path(upload: TenantUpload): string
  /** Resolves when every file that was finalised has its verdict. */
  settled(): Promise<void>
  close(): Promise<void>
}

/** Starts it. Rejects with CollectorError LISTEN_FAILED when the address cannot be bound, SPOOL_IO when the folder cannot be used. */
export async function startTenant(options: TenantOptions): Promise<Tenant> {
  const store = new TenantStore(options.dir, options.limits)
  await store.open().catch(cause => {
    throw new CollectorError('SPOOL_IO', `Cannot use the local tenant's folder "${options.dir}": ${String(cause)}`, { cause })
  })
  const now = options.now ?? Date.now
  const stopping = new AbortController()
  const requests: Record<TenantCall, number> = { upload_url: 0, put: 0, block: 0, block_list: 0, done_upload: 0, streams: 0, token: 0 }
  let url = ''
  let judging: Promise<void> = Promise.resolve()

  /** Files are processed one after another, as the service does it some time after call 3. */
  const judge = (upload: TenantUpload): void => {
    judging = judging
      .then(async () => {
        if (stopping.signal.aborted) return
        const verdict = await judgeFile(join(store.dir, upload.file), upload.sourceString, now(), options.limits, stopping.signal)
        await store.judged(upload, verdict)
        const facts = { stream: upload.stream, file: upload.file, bytes: upload.bytes, lines: verdict.lines }
        if (verdict.accepted) options.log?.info(facts, 'local tenant: file accepted')
        else options.log?.warn({ ...facts, reason: verdict.reason, detail: verdict.detail }, 'local tenant: file failed')
      })
      .catch(error => {
        if (!stopping.signal.aborted) options.log?.error({ file: upload.file, error: String(error) }, 'local tenant: file cannot be read')
      })
  }

  const context: TenantContext = {
    store,
    options: settings(options),
    ...(options.requestsPerMinute === undefined ? {} : { limiter: new RequestWindow(options.requestsPerMinute) }),
    now,
    blobBase: () => url,
    judge
  }
  const app: FastifyInstance = fastify({
    ...(options.tls ? { https: options.tls } : {}),
    bodyLimit: 64 * 1024,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 512 },
    requestTimeout: 0
  } as { bodyLimit: number })
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, Object.fromEntries(new URLSearchParams(body as string)))
  )
  misbehave(app, requests, options.faults)
  app.get('/health', (_request, reply) => reply.send({ status: 'ok' }))
  apiRoutes(app, context)
  app.register(async scope => blobRoutes(scope, context))

  const host = options.host ?? '127.0.0.1'
  const port = options.port ?? 0
  url = await app.listen({ host, port }).catch(cause => {
    throw new CollectorError('LISTEN_FAILED', `Cannot bind the local tenant to ${host}:${port}: ${String(cause)}`, { cause })
  })
  for (const upload of store.uploads) if (!upload.verdict && !upload.removed) judge(upload)

  return {
    url,
    requests,
    uploads: () => structuredClone(store.uploads),
    streams: () => structuredClone([...store.streams.values()]),
    path: upload => join(store.dir, upload.file),
    settled: async () => {
      await judging
      await store.save()
    },
    close: async () => {
      stopping.abort()
      await app.close()
      await judging
      // Every upload was saved when it came; only counts of repeated calls could be lost here.
      await store.save().catch(error => options.log?.warn({ error: String(error) }, 'local tenant: the index cannot be written'))
    }
  }
}

const settings = (options: TenantOptions): TenantSettings => ({
  provider: options.provider ?? 'azure',
  sasLifetimeMs: options.sasLifetimeMs ?? 3600_000,
  tokenLifetimeSeconds: options.tokenLifetimeSeconds ?? 3599,
  roles: options.roles ?? ['Discovery.manage'],
  fileMaxBytes: options.limits?.fileMaxBytes ?? FILE_MAX_BYTES,
  ...(options.token === undefined ? {} : { token: options.token }),
  ...(options.client === undefined ? {} : { client: options.client }),
  ...(options.streams === undefined ? {} : { streams: options.streams })
})

const callOf = (request: FastifyRequest): TenantCall | undefined =>
  request.routeOptions.config.call ?? (request.url.startsWith('/blob/') && request.method === 'PUT' ? blobCall(request.url) : undefined)

/** Counts calls and carries out the faults that a test ordered. */
function misbehave(app: FastifyInstance, requests: Record<TenantCall, number>, faults: Faults | undefined): void {
  const late = new WeakMap<FastifyRequest, Fault>()
  const act = async (fault: Fault, request: FastifyRequest): Promise<void> => {
    if (fault.hang) await new Promise(() => {})
    if (fault.close) request.raw.socket.destroy()
  }
  app.addHook('onRequest', async (request, reply): Promise<unknown> => {
    const call = callOf(request)
    if (!call) return undefined
    requests[call]++
    const fault = faults?.take(call)
    if (!fault) return undefined
    if (fault.delayMs) await new Promise(resolve => setTimeout(resolve, fault.delayMs))
    if (fault.worked) {
      late.set(request, fault)
      return undefined
    }
    await act(fault, request)
    if (fault.status === undefined && !fault.close) return undefined
    await discardBody(request.raw)
    return sendFault(fault, reply)
  })
  app.addHook('onSend', async (request, reply, payload): Promise<unknown> => {
    const fault = late.get(request)
    if (!fault) return payload
    late.delete(request)
    await act(fault, request)
    if (fault.status !== undefined) reply.code(fault.status)
    return fault.body ?? payload
  })
}

/** A body that is too long to be discarded is left behind, so the connection ends with the answer. */
const sendFault = (fault: Fault, reply: FastifyReply): FastifyReply =>
  reply
    .code(fault.status ?? 500)
    .headers({ connection: 'close', 'content-type': 'application/json', ...fault.headers })
    .send(fault.body ?? '')

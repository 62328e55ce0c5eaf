/**
 * The admin server: health, readiness, metrics, API, page. On loopback it answers without a token but only under names of this
 * machine; beyond loopback it does not start without one. Slow or large requests are cut off.
 */
import swagger from '@fastify/swagger'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { type FastifyError } from 'fastify'
import { isLoopback } from '../config/listen.ts'
import { CollectorError } from '../errors.ts'
import { packageVersion } from '../lib/package-root.ts'
import { guard } from './guard.ts'
import { LiveStream } from './live.ts'
import { Overviews } from './overview.ts'
import { overviewRoutes } from './overview-routes.ts'
import { PAGE_PATHS, pageRoutes } from './page-routes.ts'
import { CHECK_PATHS, routes } from './routes.ts'
import { SECURITY_HEADERS } from './security-headers.ts'
import type { AdminOptions, AdminServer, AdminSource } from './source.ts'
import { tapRoutes } from './tap-routes.ts'

/** Starts it. Rejects with LISTEN_FAILED when the address cannot be bound, CONFIG_INVALID when a token is needed and missing. */
export async function startAdmin(source: AdminSource, options: AdminOptions): Promise<AdminServer> {
  const onLoopback = isLoopback(options.host)
  if (!onLoopback && !options.token)
    throw new CollectorError(
      'CONFIG_INVALID',
      `Cannot open the admin server on ${options.host}: beyond loopback it needs admin.token or admin.token_file`
    )
  const app = fastify({
    bodyLimit: 16 * 1024,
    requestTimeout: 10_000,
    connectionTimeout: 30_000,
    keepAliveTimeout: 5000,
    forceCloseConnections: true
  })
  app.server.maxConnections = 256
  app.addHook(
    'onRequest',
    guard({ token: options.token, isLoopback: onLoopback, hosts: options.hosts ?? [], openPaths: new Set([...CHECK_PATHS, ...PAGE_PATHS]) })
  )
  app.addHook('onSend', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS)
  })
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const status = error.statusCode ?? 500
    return reply.code(status).send({ code: error.code ?? 'INTERNAL', message: status < 500 ? error.message : 'The request failed' })
  })
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ code: 'NOT_FOUND', message: 'There is nothing under this path' }))
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Sluice admin API', version: packageVersion() },
      ...(options.token
        ? { components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } }, security: [{ token: [] }] }
        : {})
    }
  })
  const overviews = new Overviews(source)
  const live = new LiveStream(overviews)
  app.addHook('preClose', done => {
    live.close()
    overviews.close()
    done()
  })
  const typed = app.withTypeProvider<TypeBoxTypeProvider>()
  await typed.register(routes, { source, hasToken: options.token !== undefined })
  await typed.register(tapRoutes, { source })
  await typed.register(overviewRoutes, { overviews, live })
  await app.register(pageRoutes)
  try {
    const url = await app.listen({ host: options.host, port: options.port })
    return { url, close: () => app.close() }
  } catch (cause) {
    await app.close()
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CollectorError(
      'LISTEN_FAILED',
      `Cannot open the admin server on ${options.host}:${options.port}: ${reason}; set admin.listen to a free address`,
      { cause }
    )
  }
}

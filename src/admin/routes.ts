/** The admin API: checks, metrics, status and its parts, log level, reload. */
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { CollectorError } from '../errors.ts'
import { answers, CheckReportSchema, ErrorSchema, LogLevelSchema, listOf, open, ReloadSchema, ReplaySchema } from './schemas.ts'
import type { AdminSource } from './source.ts'

/** Paths that answer without a token, so that orchestrators can ask; they then say ok or not and no more. */
export const CHECK_PATHS = new Set(['/health', '/healthz', '/livez', '/ready', '/readyz'])

/** As the spool spells them (src/spool/layout.ts). */
const SEGMENT_ID = '^[0-9]{14}-[0-9]{6}[abr]{0,24}$'

export const routes: FastifyPluginCallbackTypebox<{ source: AdminSource; hasToken: boolean }> = (app, { source, hasToken }, done) => {
  const checkRoute = (path: string, summary: string, run: AdminSource['health']) =>
    app.get(path, { schema: answers(summary, { 200: CheckReportSchema, 503: CheckReportSchema }) }, (_request, reply) => {
      const { ok, checks } = run()
      // With a token set, strangers can reach the server; why something fails is not for them.
      return reply
        .code(ok ? 200 : 503)
        .send({ ok, checks: hasToken ? checks.map(({ name, ok: passes }) => ({ name, ok: passes })) : checks })
    })
  for (const path of ['/health', '/healthz', '/livez']) checkRoute(path, 'Alive: the process and its lanes answer', () => source.health())
  for (const path of ['/ready', '/readyz'])
    checkRoute(path, 'Ready: listeners bound, spool writable and below high water', () => source.ready())

  app.get(
    '/metrics',
    { schema: { summary: 'Metrics in the Prometheus text format', produces: ['text/plain'] } },
    async (_request, reply) => {
      const { contentType, text } = await source.metrics()
      return reply.type(contentType).send(text)
    }
  )
  app.get('/api/v1/status', { schema: answers('Everything at once', { 200: open('PipelineStatus') }) }, () => source.status())
  app.get(
    '/api/v1/sources',
    { schema: answers('Sources, from bytes to tenant', { 200: listOf('SourceStatus') }) },
    () => source.status().sources
  )
  app.get(
    '/api/v1/receivers',
    { schema: answers('Receivers, one entry per listener', { 200: listOf('ReceiverStatus') }) },
    () => source.status().receivers
  )
  app.get(
    '/api/v1/segments',
    { schema: answers('Segments of the spool, oldest first', { 200: listOf('SegmentSummary') }) },
    () => source.status().spool.list
  )
  app.post(
    '/api/v1/segments/:id/replay',
    {
      schema: {
        ...answers('Upload an archived or set-aside segment again', {
          200: ReplaySchema,
          404: ErrorSchema,
          409: ErrorSchema,
          503: ErrorSchema
        }),
        params: Type.Object({ id: Type.String({ pattern: SEGMENT_ID, maxLength: 48 }) })
      }
    },
    async ({ params: { id } }, reply) => {
      try {
        await source.replay(id)
        return { id, waiting: true }
      } catch (error) {
        if (!(error instanceof CollectorError)) throw error
        const status = error.code === 'SEGMENT_DAMAGED' ? 409 : error.retryable ? 503 : 404
        return reply.code(status).send({ code: error.code, message: error.message })
      }
    }
  )
  app.get(
    '/api/v1/uploads',
    { schema: answers('Latest uploads, newest first', { 200: listOf('RecentUpload') }) },
    () => source.status().upload.recent
  )
  app.get(
    '/api/v1/tap',
    {
      schema: {
        ...answers('Frames that gave no record, newest last', { 200: listOf('RejectedSample') }),
        querystring: Type.Object({
          outcome: Type.Optional(Type.Enum(['malformed', 'unidentified', 'rejected'])),
          source: Type.Optional(Type.String({ maxLength: 64 })),
          limit: Type.Integer({ default: 100, minimum: 1, maximum: 1000 })
        })
      }
    },
    ({ query: { outcome, source: name, limit } }) =>
      source
        .samples()
        .filter(sample => (outcome === undefined || sample.outcome === outcome) && (name === undefined || sample.source === name))
        .slice(-limit)
  )
  app.get(
    '/api/v1/log',
    { schema: { summary: 'The last lines of the log, as JSON lines, secrets taken out', produces: ['application/x-ndjson'] } },
    (_request, reply) => reply.type('application/x-ndjson').send(source.recentLog())
  )
  app.get('/api/v1/loglevel', { schema: answers('Level of the log', { 200: LogLevelSchema }) }, () => ({ level: source.logLevel }))
  app.put(
    '/api/v1/loglevel',
    {
      schema: {
        ...answers('Change the level of the log until the next start', { 200: LogLevelSchema, 400: ErrorSchema }),
        body: LogLevelSchema
      }
    },
    request => {
      source.logLevel = request.body.level
      return { level: source.logLevel }
    }
  )
  app.post(
    '/api/v1/reload',
    { schema: answers('Reload the configuration file', { 200: ReloadSchema, 422: ReloadSchema }) },
    async (_request, reply) => {
      const result = await source.reload()
      return reply.code(result.ok ? 200 : 422).send(result)
    }
  )
  app.get('/openapi.json', { schema: { hide: true } }, () => (app as unknown as { swagger(): unknown }).swagger())
  done()
}

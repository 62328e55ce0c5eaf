/** What the page lives on, for everybody: the verdict, the last minutes, all of it at once, and all of it live. */
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { LiveStream } from './live.ts'
import type { Overviews } from './overview.ts'
import { answers, ErrorSchema, HistorySchema, OverviewSchema, VerdictSchema } from './schemas.ts'

const SinceSchema = Type.Object({
  since: Type.Number({ default: 0, minimum: 0, description: 'Only points of the history after this time, ms since 1970 UTC.' })
})

export const overviewRoutes: FastifyPluginCallbackTypebox<{ overviews: Overviews; live: LiveStream }> = (
  app,
  { overviews, live },
  done
) => {
  app.get(
    '/api/v1/verdict',
    { schema: answers('Does data reach the tenant, and what to do when not', { 200: VerdictSchema }) },
    () => overviews.make().verdict
  )
  app.get(
    '/api/v1/history',
    { schema: { ...answers('Rates of the last quarter of an hour, oldest first', { 200: HistorySchema }), querystring: SinceSchema } },
    ({ query: { since } }) => overviews.make(since).history
  )
  app.get(
    '/api/v1/overview',
    { schema: { ...answers('What the page shows, once', { 200: OverviewSchema }), querystring: SinceSchema } },
    ({ query: { since } }) => overviews.make(since)
  )
  app.get(
    '/api/v1/live',
    {
      schema: {
        ...answers('What the page shows, as server-sent events: the whole overview first, then every two seconds what is new', {
          200: Type.String({ description: 'text/event-stream; each event `overview` holds what /api/v1/overview answers.' }),
          503: ErrorSchema
        }),
        produces: ['text/event-stream']
      }
    },
    async (_request, reply) => {
      if (live.isFull) {
        reply.code(503).header('retry-after', '10')
        return reply.send({ code: 'TOO_MANY_STREAMS', message: 'Too many watch already; ask /api/v1/overview now and then' })
      }
      live.add(reply.raw)
      return reply.hijack()
    }
  )
  done()
}

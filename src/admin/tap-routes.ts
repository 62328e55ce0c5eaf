/** Frames as they come, one JSON object a line, for `sluice tap`: bounded for who reads slowly, and over when he goes. */
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { TAP_OUTCOMES, type TapOutcome } from '../telemetry/tap.ts'
import { answers, ErrorSchema } from './schemas.ts'
import { SECURITY_HEADERS } from './security-headers.ts'
import type { AdminSource } from './source.ts'

/** Servers and proxies give up on connections that say nothing. */
const HEARTBEAT_MS = 10_000
/** What a slow reader may be behind; further frames are left out, as most are anyway. */
const BEHIND_MAX_BYTES = 1024 * 1024
const WORDS = TAP_OUTCOMES.join('|')

export const tapRoutes: FastifyPluginCallbackTypebox<{ source: AdminSource }> = (app, { source }, done) => {
  app.get(
    '/api/v1/tap/live',
    {
      schema: {
        ...answers('Some of the frames that come, with what becomes of each, until the client goes', {
          200: Type.String({ description: 'application/x-ndjson; empty lines say that the connection lives.' }),
          503: ErrorSchema
        }),
        produces: ['application/x-ndjson'],
        querystring: Type.Object({
          source: Type.Optional(Type.String({ maxLength: 64 })),
          outcome: Type.Optional(
            Type.String({ pattern: `^(${WORDS})(,(${WORDS}))*$`, description: `One or more of ${TAP_OUTCOMES.join(', ')}, with commas.` })
          )
        })
      }
    },
    (request, reply) => {
      const { raw } = reply
      const { source: name, outcome } = request.query
      const filter = {
        ...(name === undefined ? {} : { source: name }),
        ...(outcome === undefined ? {} : { outcomes: outcome.split(',') as TapOutcome[] })
      }
      const end = source.watch(filter, sample => {
        if (raw.writableLength < BEHIND_MAX_BYTES) raw.write(`${JSON.stringify(sample)}\n`)
      })
      if (end === undefined)
        return reply.code(503).header('retry-after', '10').send({ code: 'TOO_MANY_STREAMS', message: 'Too many watch already' })
      const heartbeat = setInterval(() => raw.write('\n'), HEARTBEAT_MS)
      raw.writeHead(200, {
        ...SECURITY_HEADERS,
        'content-type': 'application/x-ndjson',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no'
      })
      raw.flushHeaders()
      raw.once('close', () => {
        clearInterval(heartbeat)
        end()
      })
      return reply.hijack()
    }
  )
  done()
}

/**
 * A tenant that takes whatever comes, in the process of the bench: the collector uploads as it would anywhere, and what a tenant does
 * with the files (Sluice's stand-in inflates and reads each) is no part of what is measured.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'

/** Any token of the right shape will do. */
export const TENANT_TOKEN = 'b'.repeat(64)

export interface BenchTenant {
  close(): void
}

/** Answers the three calls of an upload and the list of data sources (`src/tenant/api-routes.ts` has the whole of them). */
export async function startBenchTenant(port: number): Promise<BenchTenant> {
  const base = `http://127.0.0.1:${port}`
  const answers = new Map<string, unknown>([
    ['GET /api/v1/discovery/upload_url/', { url: `${base}/blob`, provider: 'azure' }],
    ['POST /api/v1/discovery/done_upload/', {}],
    ['GET /api/discovery/streams/', { data: [], total: 0, hasNext: false }],
    ['PUT /blob', undefined]
  ])
  const server = createServer((request, response) => {
    const call = callOf(request)
    const answer = answers.get(call)
    // A body is read to its end before the answer, as a tenant does.
    request.resume().once('end', () => {
      response.statusCode = call === 'PUT /blob' ? 201 : answers.has(call) ? 200 : 404
      response.setHeader('content-type', 'application/json')
      response.end(answer === undefined ? '' : JSON.stringify(answer))
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    close() {
      server.close()
      server.closeAllConnections()
    }
  }
}

const callOf = ({ method, url }: IncomingMessage): string => `${method} ${new URL(url!, 'http://tenant').pathname}`

/** The page: four static files, no inline script or style, nothing from elsewhere. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyPluginCallback } from 'fastify'
import { packageRoot } from '../lib/package-root.ts'

const FILES: readonly [path: string, file: string, type: string][] = [
  ['/', 'page.html', 'text/html; charset=utf-8'],
  ['/page.js', 'bundle/page.js', 'text/javascript; charset=utf-8'],
  ['/page.css', 'bundle/style.css', 'text/css; charset=utf-8'],
  ['/icon.svg', 'icon.svg', 'image/svg+xml']
]

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cache-control': 'no-cache'
}

/** Paths of the page; they hold no data, so they need no token: the page asks for it. */
export const PAGE_PATHS = new Set(FILES.map(([path]) => path))

export const pageRoutes: FastifyPluginCallback = (app, _options, done) => {
  for (const [path, file, type] of FILES) {
    const content = readFileSync(join(assetDir(), file))
    const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`
    app.get(path, { schema: { hide: true } }, (request, reply) => {
      reply.headers(HEADERS).header('etag', etag)
      return request.headers['if-none-match'] === etag ? reply.code(304).send() : reply.type(type).send(content)
    })
  }
  done()
}

/** The compiler leaves out what is no code of Node, so that emitted code finds the files where the source has them. */
function assetDir(): string {
  const beside = join(import.meta.dirname, 'page')
  return existsSync(beside) ? beside : join(packageRoot(), 'src/admin/page')
}

/**
 * Address and token of the admin server, out of the file and nothing else of it: `sluice healthcheck` runs every few seconds, and
 * schema and checks of the whole configuration cost it ten times what it does (docs/performance.md). A fault elsewhere in the file
 * is not the business of who asks a collector that runs, by an older text maybe.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse } from 'yaml'
import { findConfigFile } from './find-file.ts'
import { type Environment, interpolate } from './interpolate.ts'
import { formatListen, parseListen } from './listen.ts'
import { readSecretFile } from './secret-file.ts'

export interface AdminSection {
  /** As host:port. */
  listen: string
  token: string | undefined
}

/** @default of `admin.listen` */
export const ADMIN_LISTEN = '127.0.0.1:9600'

/** Undefined when something is not as it should be: the loader of the whole configuration says what. */
export function readAdminSection(from: { path?: string | undefined; cwd: string; env: Environment }): AdminSection | undefined {
  try {
    const path = findConfigFile(from)
    return adminOf(path === undefined ? null : parse(readFileSync(path, 'utf8')), from)
  } catch {
    return undefined
  }
}

/** Throws when a value is not of its kind. */
function adminOf(config: { admin?: Record<string, unknown> | null } | null, { cwd, env }: { cwd: string; env: Environment }): AdminSection {
  const admin = config?.admin ?? {}
  const text = (key: string): string | undefined => {
    const value = admin[key] ?? undefined
    if (value === undefined) return undefined
    if (typeof value !== 'string') throw new TypeError(`${key} is no text`)
    const whole = interpolate(value, env, message => {
      throw new Error(message)
    })
    if (whole === '') throw new Error(`${key} is empty`)
    return whole
  }
  const [listen, token, file] = [text('listen'), text('token'), text('token_file')]
  if (token !== undefined && file !== undefined) throw new Error('token and token_file cannot both be given')
  return {
    listen: formatListen(parseListen(listen ?? ADMIN_LISTEN)),
    token: file === undefined ? token : readSecretFile(resolve(cwd, file))
  }
}

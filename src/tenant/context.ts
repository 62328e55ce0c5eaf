/** What the routes of the local tenant share. */
import type { RequestWindow } from './request-window.ts'
import type { TenantStore, TenantUpload } from './store.ts'

export interface TenantSettings {
  provider: string
  sasLifetimeMs: number
  tokenLifetimeSeconds: number
  roles: readonly string[]
  token?: string
  client?: { tenantId: string; clientId: string; clientSecret: string }
  streams?: readonly { name: string; sourceString?: string }[]
  fileMaxBytes: number
}

export interface TenantContext {
  store: TenantStore
  options: TenantSettings
  limiter?: RequestWindow
  now(): number
  /** Scheme and authority of the tenant, as in the URLs that it issues. */
  blobBase(): string
  /** Puts a finalised file on the list of those to process. */
  judge(upload: TenantUpload): void
}

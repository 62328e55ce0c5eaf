/** Defaults that depend on other parts of the file. Runs before the schema check, on whatever the file holds. */
import { dirname, join } from 'node:path'
import { isObject, type NormalizeContext, normalize, type SchemaNode } from './normalize.ts'
import { ConfigSchema } from './schema.ts'

/** A bad name is a fault by itself and need not be told twice. */
const NAME = /^[A-Za-z0-9_-]{1,64}$/

/** Fills in what the schema calls derived. */
export function derive(config: Record<string, unknown>, context: NormalizeContext): void {
  const { tenant, upload, receivers, sources, privacy, spool } = config
  if (isObject(tenant)) {
    const isLocal = tenant.url === undefined
    if (isLocal) {
      const local = (ConfigSchema.properties.tenant.properties.local ?? {}) as SchemaNode
      tenant.local ??= normalize({}, local, ['tenant', 'local'], context)
    }
    if (isObject(upload)) {
      upload.flush_interval ??= isLocal ? 2000 : 5 * 60e3
      // The local tenant is not shared with anybody; two calls per source and flush must not wait for a budget.
      upload.requests_per_minute ??= isLocal ? 600 : 20
    }
  }
  if (isObject(privacy) && isObject(privacy.user_domains)) {
    // NetBIOS names have no case.
    privacy.user_domains = Object.fromEntries(Object.entries(privacy.user_domains).map(([name, domain]) => [name.toUpperCase(), domain]))
  }
  if (Array.isArray(receivers)) {
    nameReceivers(receivers)
    if (isObject(spool) && typeof spool.dir === 'string') placeStates(receivers, spool.dir)
  }
  if (Array.isArray(sources))
    for (const source of sources)
      if (isObject(source)) source.data_source ??= typeof source.name === 'string' && NAME.test(source.name) ? source.name : 'unnamed'
}

function nameReceivers(receivers: unknown[]): void {
  const taken = new Set(receivers.map(receiver => isObject(receiver) && receiver.name))
  for (const receiver of receivers) {
    if (!isObject(receiver) || receiver.name !== undefined || typeof receiver.type !== 'string') continue
    let name = receiver.type
    for (let number = 2; taken.has(name); number++) name = `${receiver.type}-${number}`
    receiver.name = name
    taken.add(name)
  }
}

const STATE_KEYS: Readonly<Record<string, { key: string; suffix: string }>> = {
  'blob-pull': { key: 'ledger_file', suffix: 'ledger' },
  'menlo-pull': { key: 'position_file', suffix: 'position' }
}

/** What pulls remember lies beside the spool: on the disk that is kept, and not among the spool's own files. */
function placeStates(receivers: unknown[], spoolDir: string): void {
  for (const receiver of receivers) {
    if (!isObject(receiver) || typeof receiver.type !== 'string' || typeof receiver.name !== 'string') continue
    const state = Object.hasOwn(STATE_KEYS, receiver.type) ? STATE_KEYS[receiver.type] : undefined
    if (state !== undefined) receiver[state.key] ??= join(dirname(spoolDir), 'pulls', `${receiver.name}.${state.suffix}`)
  }
}

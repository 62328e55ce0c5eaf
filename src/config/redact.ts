/** The configuration for eyes and logs: no secret in it. */
import { isObject, type SchemaNode } from './normalize.ts'
import { type Config, ConfigSchema } from './schema.ts'

export const REDACTED = '(redacted)'

/** A copy with every secret, and every password in a URL, replaced. */
export function redactConfig(config: Config): Config {
  return redact(config, ConfigSchema as SchemaNode) as Config
}

function redact(value: unknown, schema: SchemaNode | undefined): unknown {
  if (schema?.secret) return REDACTED
  if (schema?.kind === 'url' && typeof value === 'string') return value.replace(/\/\/[^/@]*@/, `//${REDACTED}@`)
  if (Array.isArray(value)) return value.map(item => redact(item, schema?.items))
  if (!isObject(value)) return value
  const variant = variantOf(value, schema)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redact(item, variant?.properties?.[key])]))
}

/** What an object is, where its type decides. */
function variantOf(value: Record<string, unknown>, schema: SchemaNode | undefined): SchemaNode | undefined {
  const discriminator = schema?.discriminator?.propertyName
  return discriminator === undefined ? schema : schema!.oneOf!.find(one => one.properties?.[discriminator]?.const === value[discriminator])
}

/** Every secret in the configuration, passwords in URLs included. */
export function secretsOf(config: Config): string[] {
  const found = new Set<string>()
  collect(config, ConfigSchema as SchemaNode, found)
  return [...found]
}

function collect(value: unknown, schema: SchemaNode | undefined, found: Set<string>): void {
  if (schema?.secret && typeof value === 'string') found.add(value)
  if (schema?.kind === 'url' && typeof value === 'string') {
    const { password } = new URL(value)
    if (password !== '') found.add(password).add(decodeURIComponent(password))
  }
  if (Array.isArray(value)) for (const item of value) collect(item, schema?.items, found)
  if (!isObject(value)) return
  const variant = variantOf(value, schema)
  for (const [key, item] of Object.entries(value)) collect(item, variant?.properties?.[key], found)
}

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
  const discriminator = schema?.discriminator?.propertyName
  const variant =
    discriminator === undefined ? schema : schema!.oneOf!.find(one => one.properties?.[discriminator]?.const === value[discriminator])
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redact(item, variant?.properties?.[key])]))
}

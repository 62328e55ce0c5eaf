/** Writes config/sluice.schema.json for editors: `node src/config/json-schema.ts > config/sluice.schema.json`. */
import { isObject } from './normalize.ts'
import { ConfigSchema } from './schema.ts'

const INTERNAL = new Set(['kind', 'secret', 'derived', 'discriminator'])

/** The schema of the file as a person writes it: nothing that has a default is required, and any scalar may be a `${VAR}`. */
export function publishedSchema(): string {
  const schema = { $schema: 'http://json-schema.org/draft-07/schema#', ...(publish(ConfigSchema) as object) }
  return `${JSON.stringify(schema, null, 2)}\n`
}

/** `isData`: the value is an example or default, or a map of names, and no schema itself. */
function publish(value: unknown, isData = false): unknown {
  if (Array.isArray(value)) return value.map(item => publish(item, isData))
  if (!isObject(value)) return value
  const result: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    if (!isData && INTERNAL.has(key)) continue
    result[key] =
      key === 'properties' ? mapValues(item as Record<string, unknown>) : publish(item, isData || key === 'default' || key === 'examples')
  }
  if (isData) return result
  if (typeof value.derived === 'string') result.description = `${value.description} Default: ${value.derived}.`
  requireLess(value, result)
  return orReference(result)
}

const mapValues = (properties: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(properties).map(([key, item]) => [key, publish(item)]))

function requireLess(schema: Record<string, unknown>, result: Record<string, unknown>): void {
  if (!Array.isArray(schema.required) || !isObject(schema.properties)) return
  const properties = schema.properties as Record<string, Record<string, unknown>>
  const required = schema.required.filter(key => properties[key]!.default === undefined && properties[key]!.derived === undefined)
  if (required.length > 0) result.required = required
  else delete result.required
}

/** Numbers and truth values may come from the environment, texts with a pattern as well. */
function orReference(schema: Record<string, unknown>): unknown {
  const isPlain = schema.type === 'integer' || schema.type === 'number' || schema.type === 'boolean'
  if (!isPlain && schema.pattern === undefined) return schema
  const { description, default: byDefault, examples, ...rest } = schema
  return {
    ...(description === undefined ? {} : { description }),
    ...(byDefault === undefined ? {} : { default: byDefault }),
    ...(examples === undefined ? {} : { examples }),
    anyOf: [rest, { type: 'string', pattern: '\\$\\{' }]
  }
}

if (import.meta.main) process.stdout.write(publishedSchema())

/** The configuration against its schema, every violation as a fault with a sentence for the person who wrote the file. */
import { Ajv, type ErrorObject } from 'ajv'
import type { Path } from './faults.ts'
import { ConfigSchema } from './schema.ts'
import { suggest } from './suggest.ts'

export interface Violation {
  path: Path
  message: string
  /** The key itself is at fault, not its value. */
  atKey: boolean
}

/** Every violation of the schema, in file order of the paths as far as ajv keeps it. */
export function checkSchema(config: unknown): Violation[] {
  const ajv = new Ajv({ allErrors: true, verbose: true, discriminator: true, allowUnionTypes: true })
  ajv.addVocabulary(['kind', 'secret', 'derived'])
  const validate = ajv.compile(ConfigSchema)
  if (validate(config)) return []
  const errors = validate.errors ?? []
  return errors.filter(error => error.keyword !== 'propertyNames').map(error => describe(error, config))
}

function describe(error: ErrorObject, config: unknown): Violation {
  const path = toPath(error.instancePath, config)
  const schema = error.parentSchema as { properties?: object; enum?: string[]; secret?: boolean }
  // Faults are printed and logged, so what should have been a secret is not quoted.
  if (schema.secret === true) return { path, message: `this secret does not fit: it ${error.message}`, atKey: false }
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = error.params.additionalProperty as string
      return { path: [...path, key], message: unknown('key', key, Object.keys(schema.properties ?? {})), atKey: true }
    }
    case 'required':
      return { path, message: `the key ${JSON.stringify(error.params.missingProperty)} is missing`, atKey: false }
    case 'discriminator': {
      const types = (schema as { oneOf: { properties: { type: { const: string } } }[] }).oneOf.map(one => one.properties.type.const)
      const type = (error.data as { type?: unknown }).type
      return { path: [...path, 'type'], message: unknown('type', String(type), types), atKey: false }
    }
    case 'enum': {
      const allowed = error.params.allowedValues as string[]
      const name = error.propertyName
      return name === undefined
        ? { path, message: unknown('value', quote(error.data), allowed), atKey: false }
        : { path: [...path, name], message: unknown('key', name, allowed), atKey: true }
    }
    case 'minProperties':
    case 'maxProperties':
      return { path, message: `exactly one of ${Object.keys(schema.properties ?? {}).join(', ')} must be given`, atKey: false }
    case 'pattern':
      return { path, message: `${JSON.stringify(error.data)} does not fit; it must match ${error.params.pattern}`, atKey: false }
    case 'uniqueItems':
      return { path, message: 'an item stands there twice', atKey: false }
    default:
      return { path, message: `${quote(error.data)} does not fit: it ${error.message}`, atKey: false }
  }
}

const quote = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value)?.slice(0, 80) ?? String(value)))

function unknown(what: string, word: string, known: string[]): string {
  const near = suggest(word, known)
  return `unknown ${what} ${JSON.stringify(word)}; ${near === undefined ? `known are ${known.join(', ')}` : `did you mean ${JSON.stringify(near)}?`}`
}

/** Path of a JSON Pointer; a part is an index where the value around it is an array. */
function toPath(pointer: string, config: unknown): Path {
  const path: (string | number)[] = []
  let value = config
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    path.push(Array.isArray(value) ? Number(key) : key)
    value = (value as Record<string, unknown> | undefined)?.[key]
  }
  return path
}

/**
 * From what the file says to what the code uses, guided by the schema: defaults filled in, texts of a kind read (sizes,
 * durations, networks, …), secrets read from their files. What cannot be read stays as it is and leaves a fault.
 */
import { resolve } from 'node:path'
import { formatPath, type Path } from './faults.ts'
import { type Kind, READ_KIND } from './kinds.ts'
import { readSecretFile } from './secret-file.ts'

/** What this code reads of a schema. */
export interface SchemaNode {
  type?: string | string[]
  properties?: Record<string, SchemaNode>
  items?: SchemaNode
  oneOf?: SchemaNode[]
  discriminator?: { propertyName: string }
  const?: unknown
  default?: unknown
  kind?: Kind
  secret?: boolean
  derived?: string
}

export interface NormalizeContext {
  cwd: string
  /** Paths whose text came from a `${VAR}`: there a number or a truth value may be spelled as text. */
  interpolated: ReadonlySet<string>
  onFault(path: Path, message: string): void
  /** Files of secrets that were read are added. */
  secretFiles: string[]
}

export function normalize(value: unknown, schema: SchemaNode, path: Path, context: NormalizeContext): unknown {
  // `spool:` with nothing below reads as null; the writer means the default.
  const given = value ?? structuredClone(schema.default)
  if (given === undefined) return undefined
  if (schema.discriminator) return normalizeVariant(given, schema, path, context)
  if (schema.properties && isObject(given)) return normalizeObject(given, schema.properties, path, context)
  if (schema.items && Array.isArray(given)) return given.map((item, index) => normalize(item, schema.items!, [...path, index], context))
  if (schema.kind && (typeof given === 'string' || typeof given === 'number')) return readKind(given, schema.kind, path, context)
  return typeof given === 'string' && context.interpolated.has(formatPath(path)) ? readPlain(given, schema) : given
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function normalizeVariant(given: unknown, schema: SchemaNode, path: Path, context: NormalizeContext): unknown {
  const key = schema.discriminator!.propertyName
  const variant = isObject(given) ? schema.oneOf!.find(one => one.properties?.[key]?.const === given[key]) : undefined
  return variant ? normalize(given, variant, path, context) : given
}

function normalizeObject(
  given: Record<string, unknown>,
  properties: Record<string, SchemaNode>,
  path: Path,
  context: NormalizeContext
): unknown {
  const result: Record<string, unknown> = {}
  for (const [key, property] of Object.entries(properties)) {
    const value = normalize(Object.hasOwn(given, key) ? given[key] : undefined, property, [...path, key], context)
    if (value !== undefined) result[key] = value
  }
  for (const [key, value] of Object.entries(given)) if (!Object.hasOwn(properties, key)) result[key] = value
  for (const [key, property] of Object.entries(properties)) {
    const file = result[`${key}_file`]
    if (!property.secret || typeof file !== 'string' || !properties[`${key}_file`]) continue
    if (result[key] !== undefined) context.onFault([...path, key], `${key} and ${key}_file cannot both be given`)
    else result[key] = readSecret(file, [...path, `${key}_file`], context)
  }
  return result
}

function readKind(given: string | number, kind: Kind, path: Path, context: NormalizeContext): unknown {
  try {
    return READ_KIND[kind](given, context.cwd, resolve)
  } catch (error) {
    context.onFault(path, (error as Error).message)
    return given
  }
}

function readPlain(text: string, schema: SchemaNode): unknown {
  if ((schema.type === 'integer' || schema.type === 'number') && /^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  if (schema.type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

function readSecret(file: string, path: Path, context: NormalizeContext): string | undefined {
  try {
    const secret = readSecretFile(file)
    context.secretFiles.push(file)
    return secret
  } catch (error) {
    context.onFault(path, `cannot read the secret in ${JSON.stringify(file)}: ${(error as Error).message}`)
    return undefined
  }
}

/**
 * The configuration file: found, read, checked. YAML is parsed first and variables are substituted inside scalars afterwards.
 * All faults are found in one go and thrown together, with line and column.
 */
import { readFileSync, statSync } from 'node:fs'
import { isMap, isScalar, LineCounter, parseDocument, visit, type YAMLParseError } from 'yaml'
import type { PathChecker } from './archive-check.ts'
import { derive } from './derive.ts'
import { ConfigError, type Fault, formatPath, type Path } from './faults.ts'
import { findConfigFile } from './find-file.ts'
import { type Environment, interpolate } from './interpolate.ts'
import { isObject, type NormalizeContext, normalize, type SchemaNode } from './normalize.ts'
import { type Config, ConfigSchema } from './schema.ts'
import { checkSchema } from './schema-check.ts'
import { checkSemantics, type TemplateChecker } from './semantic-check.ts'
import { SourceMap } from './source-map.ts'

const FILE_MAX_BYTES = 1024 * 1024

export interface LoadOptions {
  /** The file; without it `./sluice.yaml`, then `/etc/sluice/sluice.yaml`, then no file: all defaults. */
  path?: string | undefined
  env: Environment
  /** What relative paths, in the command and in the file, are relative to. */
  cwd: string
  /** Ids that `sources[].appliance` may name; without the list any id passes. */
  appliances?: readonly string[]
  /** Says what is wrong with a `sources[].template`; without it any template passes. */
  checkTemplate?: TemplateChecker
  /** Says what is wrong with `archive.path`; without it any passes. */
  checkArchivePath?: PathChecker
}

export interface LoadedConfig {
  config: Config
  /** Absolute path of the file; undefined when there was none. */
  path: string | undefined
  /** All that was read: the file and those of secrets, absolute. */
  files: string[]
  /** What works but is probably not meant, as `file:line:column: path: message`. */
  warnings: Fault[]
}

/** Loads the configuration. Throws ConfigError (CONFIG_INVALID) with every fault. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const path = findConfigFile(options)
  const parsed = parseConfig(path === undefined ? '' : readText(path), { ...options, file: path ?? '(defaults)' })
  return { ...parsed, path, files: [...(path === undefined ? [] : [path]), ...parsed.files] }
}

/** As `loadConfig`, from the text of a file; `file` is its name in faults. */
export function parseConfig(text: string, options: Omit<LoadOptions, 'path'> & { file: string }): Omit<LoadedConfig, 'path'> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' })
  const map = new SourceMap(document, lines)
  const faults = yamlFaults(document, lines, text)
  if (document.errors.some(isSyntaxError)) throw new ConfigError(options.file, faults)
  if (document.contents !== null && !isMap(document.contents))
    throw new ConfigError(options.file, [map.fault([], 'the file must hold keys with values')])

  const faulty = new Set<string>()
  const onFault = (at: Path, message: string, atKey = false): void => {
    faulty.add(formatPath(at))
    faults.push(map.fault(at, message, atKey))
  }
  // One fault a value is enough: what could not be read would fit nothing else either.
  const onNewFault = (at: Path, message: string): void => (faulty.has(formatPath(at)) ? undefined : onFault(at, message))
  const context: NormalizeContext = {
    cwd: options.cwd,
    interpolated: substitute(document, options.env, onFault),
    onFault: onNewFault,
    secretFiles: []
  }
  const config = normalize(toPlain(document, options.file, map), ConfigSchema as SchemaNode, [], context)
  if (isObject(config)) derive(config, context)
  for (const { path, message, atKey } of checkSchema(config)) if (!faulty.has(formatPath(path))) onFault(path, message, atKey)
  const warnings: Fault[] = []
  // Values of the wrong shape would only yield nonsense here, so what belongs together is checked when each by itself is right.
  if (faults.length === 0)
    checkSemantics(config as Config, options, { fault: onFault, warn: (at, message) => warnings.push(map.fault(at, message)) })
  if (faults.length > 0)
    throw new ConfigError(
      options.file,
      faults.sort((a, b) => a.line - b.line || a.column - b.column)
    )
  return { config: config as Config, warnings, files: context.secretFiles }
}

const isSyntaxError = (error: YAMLParseError): boolean => error.code !== 'DUPLICATE_KEY'

/** After a syntax error all that follows reads wrong, so only the first one is told; keys given twice are told all. */
function yamlFaults(document: ReturnType<typeof parseDocument>, lines: LineCounter, text: string): Fault[] {
  const first = document.errors.find(isSyntaxError)
  const errors = first ? [first] : document.errors
  return errors.map(error => {
    const { line, col } = lines.linePos(error.pos[0])
    const isUnquoted = first !== undefined && /[{[].*[^'"$]\$\{/.test(text.split('\n')[line - 1] ?? '')
    const hint = isUnquoted ? `; inside { } and [ ] a \${VAR} must stand in quotes` : ''
    return { path: '', line: line || 1, column: col || 1, message: error.message + hint }
  })
}

function readText(path: string): string {
  try {
    const bytes = statSync(path).size
    if (bytes > FILE_MAX_BYTES) throw new Error(`it has ${bytes} bytes, more than ${FILE_MAX_BYTES}`)
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError(path, [{ path: '', line: 1, column: 1, message: `cannot read the file: ${(error as Error).message}` }])
  }
}

/** Replaces the references in all scalars but keys; returns the paths of those that had one. */
function substitute(
  document: ReturnType<typeof parseDocument>,
  env: Environment,
  onFault: (at: Path, message: string) => void
): Set<string> {
  const interpolated = new Set<string>()
  visit(document, {
    Scalar(key, node, ancestors) {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return
      const path = pathOf(node, key, ancestors)
      interpolated.add(formatPath(path))
      node.value = interpolate(node.value, env, message => onFault(path, message))
    }
  })
  return interpolated
}

function pathOf(node: unknown, key: number | 'key' | 'value' | null, ancestors: readonly unknown[]): Path {
  const path: (string | number)[] = []
  const chain = [...ancestors.slice(1), node]
  for (const [index, item] of chain.entries()) {
    if (isPair(item)) path.push(String(isScalar(item.key) ? item.key.value : item.key))
    const next = chain[index + 1]
    if (isSequence(item) && next !== undefined) path.push(item.items.indexOf(next))
  }
  return typeof key === 'number' && path.length === 0 ? [key] : path
}

const isPair = (item: unknown): item is { key: unknown } => isObject(item) && 'key' in item && 'value' in item && !('items' in item)
const isSequence = (item: unknown): item is { items: unknown[] } => isObject(item) && 'items' in item && !isMap(item)

function toPlain(document: ReturnType<typeof parseDocument>, file: string, map: SourceMap): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? {}
  } catch (error) {
    throw new ConfigError(file, [map.fault([], (error as Error).message)])
  }
}

/** Which lines `parse` and `explain` expect: an appliance, or a source of the configuration with its template and time zone. */
import type { SourceConfig } from '../config/schema.ts'
import { applianceIds } from '../lib/appliance-ids.ts'
import { loadForVerb } from './load-for-verb.ts'
import { type Io, UsageError } from './verb.ts'

export interface SourceChoice {
  /** `auto`, or a parser's id. */
  appliance: string
  /** Makes the parser instead of `appliance`. */
  template?: NonNullable<SourceConfig['template']>
  timeZone: string
}

export interface SourceArguments {
  source?: string | undefined
  'time-zone'?: string | undefined
  config?: string | undefined
}

/**
 * A source of the configuration when one is given and has it, else an appliance.
 * @throws UsageError when it is neither, ConfigError when the configuration can not be used.
 */
export function chooseSource({ source = 'auto', 'time-zone': zone, config }: SourceArguments, io: Pick<Io, 'env' | 'cwd'>): SourceChoice {
  const sources = config === undefined ? [] : loadForVerb(config, io).config.sources
  const named = sources.find(({ name }) => name === source)
  if (named !== undefined) {
    const { appliance, template, time_zone } = named
    return { appliance, timeZone: zone ?? time_zone, ...(template === undefined ? {} : { template }) }
  }
  const ids = applianceIds()
  if (source !== 'auto' && !ids.includes(source)) {
    const names = sources.length === 0 ? '' : `a source of the configuration (${sources.map(({ name }) => name).join(', ')}), `
    throw new UsageError(`unknown source "${source}", expected auto or ${names}one of ${ids.join(', ')}`)
  }
  return { appliance: source, timeZone: zone ?? 'UTC' }
}

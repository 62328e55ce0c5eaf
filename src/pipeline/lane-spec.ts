/** What lanes and the heads of files are made of, by the configuration: one place for the running pipeline and for old files. */
import type { Config } from '../config/schema.ts'
import type { Format } from '../contracts.ts'
import { newEncoder } from '../encode/encoder.ts'
import type { EncodeOptions } from '../encode/options.ts'
import type { LaneSpec } from '../lanes/messages.ts'

function encodeOptions(source: Config['sources'][number]): EncodeOptions {
  const { vendor, product, version } = source
  return {
    keys: source.keys,
    direction: source.direction,
    totalOnly: source.total_only,
    cefTime: source.cef_time,
    ...(vendor === undefined ? {} : { vendor }),
    ...(product === undefined ? {} : { product }),
    ...(version === undefined ? {} : { version })
  }
}

/** Head-of-file lines by source and format. */
export function preludesOf(config: Config): Map<string, Buffer> {
  const formats = ['cef', 'leef', 'w3c', 'csv'] as const satisfies readonly Format[]
  return new Map(
    config.sources.flatMap(source =>
      formats.map(format => [`${source.name} ${format}`, newEncoder(format, encodeOptions(source)).prelude] as const)
    )
  )
}

/** What lanes are made of, by the configuration; `archivesLines` says of which sources the archive takes the lines. */
export function laneSpec(config: Config, archivesLines: (source: string) => boolean = () => false): LaneSpec {
  const { process, privacy, upload } = config
  return {
    sources: config.sources.map(source => ({
      name: source.name,
      appliance: source.appliance,
      ...(source.template === undefined ? {} : { template: source.template }),
      format: source.format,
      timeZone: source.time_zone,
      encode: encodeOptions(source),
      ...(archivesLines(source.name) ? { archivesLines: true } : {})
    })),
    filter: {
      dropInternal: process.drop_internal,
      outboundOnly: process.outbound_only,
      ownDomains: process.own_domains,
      ownNetworks: process.own_networks,
      maxAgeMs: process.max_age,
      maxFutureMs: process.max_future
    },
    onePerConnection: process.one_per_connection,
    privacy: { stripQuery: privacy.strip_query, userFormat: privacy.user_format, userDomains: upperKeys(privacy.user_domains) },
    compressionLevel: upload.compression_level
  }
}

const upperKeys = (map: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(map).map(([key, value]) => [key.toUpperCase(), value]))

/** A guide as text for a terminal: what to do on the appliance, with the places filled in. */
import type { SourceConfig } from '../config/schema.ts'
import { fill, type Guide, type Step, type Way } from '../guide/guide.ts'
import { RECEIVER_EXAMPLES, type Target, TRANSPORT_WORDS } from '../guide/target.ts'
import type { Paint } from './paint.ts'

const INDENT = '    '

/** Steps with the values of the target in their places. */
export function filledSteps(guide: Guide, way: Way, target: Target): Step[] {
  const values = {
    host: target.host,
    port: String(target.port),
    url: target.url,
    secret_header: target.secretHeader,
    fingerprint: target.fingerprint ?? 'unknown, there is no certificate yet'
  }
  return [...way.steps, ...guide.always].map(({ say, type }) => ({
    say: fill(say, values),
    ...(type === undefined ? {} : { type: fill(type, values) })
  }))
}

export function guideText(guide: Guide, way: Way, target: Target, sources: readonly SourceConfig[], paint: Paint): string {
  const { transport, receiver, host, port } = target
  const others = guide.ways.filter(one => one !== way).map(one => `--way ${one.transport}`)
  return [
    paint.bold(
      transport === 'menlo-pull'
        ? `${guide.appliance} to Sluice by ${TRANSPORT_WORDS[transport]}`
        : `${guide.appliance} to Sluice at ${host}, port ${port}, ${TRANSPORT_WORDS[transport]}`
    ),
    `For ${guide.firmware}.${others.length === 0 ? '' : ` Other ways: ${others.join(', ')}.`}`,
    '',
    ...(receiver === undefined
      ? [
          paint.yellow(`First, here: the configuration has no receiver for ${TRANSPORT_WORDS[transport]}. Add to receivers:`),
          INDENT + RECEIVER_EXAMPLES[transport],
          ''
        ]
      : []),
    ...filledSteps(guide, way, target).flatMap(({ say, type }, index) => [`${index + 1}. ${say}`, ...block(type), '']),
    ...sourceLines(guide, sources),
    ...(guide.check === undefined
      ? []
      : ['To see on the appliance that it sends:', ...guide.check.flatMap(({ say, type }) => [`- ${say}`, ...block(type)]), '']),
    'Know that',
    ...guide.traps.map(trap => `- ${trap}`)
  ].join('\n')
}

const block = (type: string | undefined): string[] => (type === undefined ? [] : ['', ...type.split('\n').map(line => INDENT + line)])

/** Which source takes the lines, and what to write for one of its own. */
function sourceLines({ id, parsers, source }: Guide, sources: readonly SourceConfig[]): string[] {
  const own = sources.filter(({ appliance }) => parsers.includes(appliance))
  const open = sources.find(({ appliance }) => appliance === 'auto')
  if (own.length > 0 && source === undefined) return [`Its lines go to the source ${own.map(({ name }) => name).join(' or ')}.`, '']
  const taken =
    open === undefined
      ? 'No source takes its lines yet. Add one:'
      : `Its lines go to the source ${open.name} by their bytes. For a data source of its own:`
  return [taken, '', ...['sources:', ...sourceYaml(id, parsers, source)].map(line => INDENT + line), '']
}

export function sourceYaml(id: string, parsers: readonly string[], source: string | undefined): string[] {
  const keys = source ?? `appliance: ${parsers.includes(id) ? id : parsers[0]}`
  return [`  - name: ${id}`, ...keys.split('\n').map(line => `    ${line}`), '    from: { peers: [192.0.2.1] } # its address']
}

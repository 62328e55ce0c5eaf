/** `sluice guide`: what to type on an appliance, with this machine's address in it; then whether its lines arrive. */
import { parseArgs } from 'node:util'
import { parseDuration } from '../config/durations.ts'
import { suggest } from '../config/suggest.ts'
import type { Guide, Transport } from '../guide/guide.ts'
import { guideIds, loadGuide } from '../guide/load.ts'
import { serves, targetOf } from '../guide/target.ts'
import type { PipelineStatus } from '../telemetry/status.ts'
import { type AdminTarget, adminTarget, askAdmin, NoAnswer } from './admin-client.ts'
import { filledSteps, guideText } from './guide-text.ts'
import { type Seen, waitForLines } from './guide-wait.ts'
import { loadForVerb } from './load-for-verb.ts'
import { paintFor } from './paint.ts'
import { visible } from './text-output.ts'
import { EXIT, type Io, UsageError, type Verb } from './verb.ts'

export const guide: Verb = async (args, io) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      way: { type: 'string' },
      host: { type: 'string' },
      wait: { type: 'boolean' },
      timeout: { type: 'string', default: '10m' },
      config: { type: 'string', short: 'c' },
      url: { type: 'string' },
      json: { type: 'boolean' }
    }
  })
  if (positionals.length === 0) return list(values.json, io)
  if (positionals.length > 1) throw new UsageError('one appliance at a time')
  const chosen = await find(positionals[0]!)
  const timeoutMs = readTimeout(values.timeout)
  const { config } = loadForVerb(values.config, io)
  const admin = await adminTarget(values, io)
  const running = await runningReceivers(admin)
  const way = chosen.ways.find(one =>
    values.way === undefined ? config.receivers.some(receiver => serves(receiver, one.transport)) : isWay(one.transport, values.way)
  )
  if (way === undefined && values.way !== undefined)
    throw new UsageError(
      `${chosen.id} has no way ${JSON.stringify(values.way)}; it has ${chosen.ways.map(({ transport }) => transport).join(', ')}`
    )
  const taken = way ?? chosen.ways[0]!
  const target = targetOf(config, taken.transport, { host: values.host, running })
  if (values.json) {
    const { id, appliance, firmware, traps, sample, reads } = chosen
    io.stdout.write(
      `${JSON.stringify({ id, appliance, firmware, target, steps: filledSteps(chosen, taken, target), reads, traps, sample })}\n`
    )
  } else io.stdout.write(`${guideText(chosen, taken, target, config.sources, paintFor(io))}\n`)
  if (!values.wait) return EXIT.OK
  return wait({ admin, guide: chosen, target, timeoutMs }, values.json ?? false, io)
}

async function list(json: boolean | undefined, io: Io): Promise<number> {
  const guides = await Promise.all(guideIds().map(id => loadGuide(id)))
  for (const one of guides) {
    const { id, appliance, firmware } = one!
    io.stdout.write(json ? `${JSON.stringify({ id, appliance, firmware })}\n` : `${id.padEnd(20)}${appliance.padEnd(50)}${firmware}\n`)
  }
  return EXIT.OK
}

/** The whole id, or a part of it that only one has. */
async function find(word: string): Promise<Guide> {
  const ids = guideIds()
  const fitting = ids.includes(word) ? [word] : ids.filter(id => id.includes(word.toLowerCase()))
  if (fitting.length === 1) return (await loadGuide(fitting[0]!))!
  if (fitting.length > 1) throw new UsageError(`${JSON.stringify(word)} may be ${fitting.join(', ')}`)
  const near = suggest(word, ids)
  throw new UsageError(
    `there is no guide ${JSON.stringify(word)}${near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`}; sluice guide lists them`
  )
}

const isWay = (transport: Transport, word: string): boolean => transport === word || transport === `syslog-${word}`

function readTimeout(text: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    throw new UsageError(`--timeout: ${(error as Error).message}`)
  }
}

/** The collector knows best on which port it listens; a guide is of use before it runs, too. */
async function runningReceivers(admin: AdminTarget) {
  try {
    const { status, body } = await askAdmin(admin, '/api/v1/status')
    return status === 200 ? (body as PipelineStatus).receivers : []
  } catch (error) {
    if (error instanceof NoAnswer) return []
    throw error
  }
}

async function wait(options: Omit<Parameters<typeof waitForLines>[0], 'onProgress' | 'onNews'>, json: boolean, io: Io): Promise<number> {
  const isTerminal = (io.stderr as NodeJS.WriteStream).isTTY === true
  const clear = isTerminal ? '\r\u001b[K' : ''
  try {
    const seen = await waitForLines({
      ...options,
      onProgress: text => isTerminal && !json && void io.stderr.write(`${clear}${text}`),
      onNews: text => json || void io.stdout.write(`${clear}\n${visibleLines(text)}\n`)
    })
    io.stdout.write(json ? `${JSON.stringify(seen)}\n` : `${clear}\n${summary(seen)}\n`)
    return seen.ok ? EXIT.OK : EXIT.FAILED
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    io.stderr.write(`sluice: cannot wait for lines: ${error.message}; start it with sluice run\n`)
    return EXIT.FAILED
  }
}

const visibleLines = (text: string): string => text.split('\n').map(visible).join('\n')

function summary({ ok, source, parsed, skipped, peers, missing, rejected }: Seen): string {
  if (!ok) {
    const why =
      rejected.length > 0
        ? 'Lines arrived, but none of them gave a record; see above.'
        : skipped > 0
          ? `${skipped} lines of the appliance arrived, but they are no traffic; see which events it logs.`
          : 'No line of the appliance arrived.'
    return `${why} Nothing good within the time.`
  }
  return [
    `It works: ${parsed} records for ${source}${skipped > 0 ? `, ${skipped} lines skipped because they are no traffic` : ''}.`,
    ...(peers.length === 0 ? [] : [`Senders of this receiver: ${peers.join(', ')}.`]),
    ...missing.map(
      ({ attribute, cost, remedy }) => `No record has ${attribute}: ${cost}.${remedy === undefined ? '' : ` What helps: ${remedy}.`}`
    )
  ].join('\n')
}

/** `sluice tap`: lines that the running collector could not read, with the reason of each. */
import { parseArgs } from 'node:util'
import type { RejectedSample } from '../telemetry/status.ts'
import { adminTarget, askAdmin, NoAnswer } from './admin-client.ts'
import { EXIT, UsageError, type Verb } from './verb.ts'

const OUTCOMES = ['unidentified', 'malformed', 'rejected']

export const tap: Verb = async (args, io) => {
  const { values } = parseArgs({
    args,
    options: {
      outcome: { type: 'string' },
      source: { type: 'string' },
      limit: { type: 'string', default: '20' },
      config: { type: 'string', short: 'c' },
      url: { type: 'string' },
      json: { type: 'boolean' }
    }
  })
  const { outcome, source, limit } = values
  if (outcome !== undefined && !OUTCOMES.includes(outcome))
    throw new UsageError(`--outcome is ${JSON.stringify(outcome)}, expected ${OUTCOMES.join(', ')}`)
  if (!/^[1-9]\d{0,2}$/.test(limit)) throw new UsageError(`--limit is ${JSON.stringify(limit)}, expected a number from 1 to 999`)
  const query = new URLSearchParams({ limit, ...(outcome === undefined ? {} : { outcome }), ...(source === undefined ? {} : { source }) })
  const target = adminTarget(values, io)
  try {
    const { status, body } = await askAdmin(target, `/api/v1/tap?${query}`)
    if (status !== 200) throw new NoAnswer(`${target.url} answered ${status}`)
    for (const sample of body as RejectedSample[]) io.stdout.write(values.json ? `${JSON.stringify(sample)}\n` : line(sample))
    return EXIT.OK
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    io.stderr.write(`sluice: ${error.message}\n`)
    return EXIT.FAILED
  }
}

/** Control characters could write to the terminal what a stranger sent. */
const visible = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f]/g, char => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)

function line({ atMs, source, outcome, parser, reason, text }: RejectedSample): string {
  return `${new Date(atMs).toISOString()} ${source} ${outcome}${parser === '' ? '' : ` ${parser}`} (${reason}): ${visible(text)}\n`
}

/** Which of the service's refusals a log would meet (errors of its governance log), and what costs lines only. */
import type { ByteOrderMark } from './byte-order-mark.ts'
import { REASON_REMEDIES, settingFor } from './remedies.ts'

/** Above this a raw file is refused in the stricter reading of the documentation. */
const RAW_MAX_BYTES = 1_000_000_000
/** Above this share of lines that give no record, the service is expected to say that the format does not match. */
const MISMATCH_SHARE = 0.5

export interface Problem {
  rule: 'format_mismatch' | 'too_old' | 'internal_only' | 'byte_order_mark' | 'too_large' | 'bad_lines' | 'future' | 'no_records'
  /** True when the service would refuse the file, false when lines are lost only. */
  refuses: boolean
  text: string
  /** The first offending line, counted from 1, with the column where it goes wrong. */
  line?: number
  column?: number
  sample?: string
  remedy?: string
  /** The setting on the appliance that mends it, where one is known. */
  setting?: string
}

/** The first line to which something happened, and how often it did. */
export interface First {
  count: number
  line: number
  column: number
  sample: string
  /** Id of the parser that read it, empty when nobody did. */
  parser: string
}

/** What was seen in a log. */
export interface Findings {
  bytes: number
  mark: ByteOrderMark | undefined
  outcomes: Readonly<Record<'parsed' | 'malformed' | 'unidentified' | 'rejected', number>>
  /** Lines that gave no record, by outcome and reason with a blank between. */
  reasons: ReadonlyMap<string, First>
  /** One per connection. */
  records: number
  /** Records that a filter drops, by reason. */
  dropped: ReadonlyMap<string, First>
}

export function problemsOf(findings: Findings): Problem[] {
  return [...mismatch(findings), ...timesAndServers(findings), ...ofTheFile(findings)]
}

/** What a problem says of the first line that has it. */
function at({ line, column, sample, parser }: First, reason: string): Partial<Problem> {
  const setting = settingFor(parser, reason)
  return { line, column, sample, ...(setting === undefined ? {} : { setting }) }
}

function mismatch({ outcomes: { parsed, malformed, unidentified, rejected }, reasons, records }: Findings): Problem[] {
  const failed = malformed + unidentified + rejected
  if (failed === 0 && records > 0) return []
  if (failed === 0) {
    const text = parsed > 0 ? 'All records are running totals of connections, and none is an end' : 'No line is web or network traffic'
    return [{ rule: 'no_records', refuses: true, text }]
  }
  const traffic = parsed + failed
  const [key, worst] = [...reasons].filter(([name]) => !name.startsWith('skipped')).sort((a, b) => b[1].count - a[1].count)[0]!
  const reason = key.slice(key.indexOf(' ') + 1)
  const refuses = failed / traffic > MISMATCH_SHARE
  const remedy = REASON_REMEDIES[reason]
  return [
    {
      rule: refuses ? 'format_mismatch' : 'bad_lines',
      refuses,
      text: refuses
        ? `The log format does not match: ${failed} of ${traffic} lines give no record (${reason})`
        : `${failed} of ${traffic} lines give no record (most often: ${reason})`,
      ...at(worst, reason),
      ...(remedy === undefined ? {} : { remedy })
    }
  ]
}

function timesAndServers({ records, dropped }: Findings): Problem[] {
  const problems: Problem[] = []
  const [old, future, internal] = ['too_old', 'in_future', 'internal'].map(reason => dropped.get(reason))
  if (old !== undefined)
    problems.push({
      rule: 'too_old',
      refuses: old.count === records,
      text: `${old.count} of ${records} transactions are more than 90 days old`,
      ...at(old, 'too_old'),
      remedy: 'upload newer logs; check the clock and the time zone of the appliance'
    })
  if (future !== undefined)
    problems.push({
      rule: 'future',
      refuses: false,
      text: `${future.count} of ${records} transactions lie in the future`,
      ...at(future, 'in_future'),
      remedy:
        'check the clock of the appliance and give the source its time_zone; a time without a year takes the nearest one, so that a log of more than half a year ago seems to be of the coming months'
    })
  if (internal !== undefined && internal.count + (old?.count ?? 0) === records)
    problems.push({
      rule: 'internal_only',
      refuses: true,
      text: 'No transactions to cataloged cloud apps: all destinations are internal',
      ...at(internal, 'internal'),
      remedy: 'log outbound traffic, at the rules that lead to the internet'
    })
  return problems
}

/** What the service refuses of the file as it is. Sluice uploads files of its own, without mark and of the right size. */
function ofTheFile({ bytes, mark }: Findings): Problem[] {
  const problems: Problem[] = []
  if (mark !== undefined)
    problems.push({
      rule: 'byte_order_mark',
      refuses: true,
      text: `The file begins with the byte-order mark of ${mark}, which the service refuses`,
      line: 1,
      column: 1,
      remedy:
        mark === 'UTF-8'
          ? 'send it through Sluice, which removes the mark, or save it as UTF-8 without mark'
          : 'save it as UTF-8 without mark; Sluice reads UTF-8 only'
    })
  if (bytes > RAW_MAX_BYTES)
    problems.push({
      rule: 'too_large',
      refuses: true,
      text: `The file has ${bytes} bytes unpacked, and the service takes at most ${RAW_MAX_BYTES}`,
      remedy: 'send it through Sluice, which makes files of the right size, or split it'
    })
  return problems
}

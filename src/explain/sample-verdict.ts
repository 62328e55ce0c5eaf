/** What a frame that gave no record means for the report: what Cloud Discovery would say of such lines, and what to do. */
import { REASON_REMEDIES } from './remedies.ts'

export interface SampleVerdict {
  verdict: string
  remedy?: string
}

/** The service's own refusal, for a file of such lines (governance log; cloud-discovery section 4). */
const MISMATCH = 'Cloud Discovery would say of a file of such lines: “The log format doesn’t match”.'

const VERDICTS: Readonly<Record<'malformed' | 'unidentified' | 'rejected', string>> = {
  unidentified: `No parser knows this line, so nothing of it is reported. ${MISMATCH}`,
  malformed: `The parser knows the appliance but cannot read this line. ${MISMATCH}`,
  rejected: 'The line was read, but it lacks what every transaction must have: client, server and time. Cloud Discovery would leave it out.'
}

export function judgeSample({ outcome, reason }: { outcome: keyof typeof VERDICTS; reason: string }): SampleVerdict {
  const remedy = REASON_REMEDIES[reason]
  return { verdict: VERDICTS[outcome], ...(remedy === undefined ? {} : { remedy }) }
}

/** What `sluice explain` prints for people. */
import type { Explanation } from '../explain/explain.ts'

const percent = (share: number): string => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`

/** Why: which parsers claim the first lines by their bytes. Nothing when the parser was named. */
function whyText({ scores, unit }: Explanation): string[] {
  if (scores.length === 0) return []
  const shown = scores.map(({ parser, lines, generic }) => `${parser} ${lines}${generic ? ' (asked last)' : ''}`)
  return [`  by bytes    of the first ${scores[0]!.of} ${unit}s, claimed by ${shown.join(', ')}`]
}

/** The text for one file. */
export function explainScreen(file: string, explanation: Explanation): string {
  const { unit, outcomes, recognised, attributes, problems, dropped, discardedBytes } = explanation
  const lines = [
    `${file}: ${explanation.verdict === 'accepted' ? 'Cloud Discovery would take it' : 'Cloud Discovery would refuse it'}`,
    `  ${`${unit}s`.padEnd(11)} ${explanation.lines}: ${outcomes.parsed} records, ${outcomes.skipped} skipped, ${outcomes.malformed} malformed, ${outcomes.rejected} without what a record needs, ${outcomes.unidentified} not recognised`,
    ...(discardedBytes === 0 ? [] : [`  left out    ${discardedBytes} bytes that belong to no JSON object`]),
    ...recognised.map(({ appliance, parser, share }) => `  recognised  ${appliance} (${parser}), ${percent(share)} of the ${unit}s`),
    ...whyText(explanation),
    ...(explanation.firstTime === undefined ? [] : [`  times       ${explanation.firstTime} to ${explanation.lastTime}`]),
    ...dropped.map(({ reason, count }) => `  dropped     ${count} records: ${reason}`),
    ...(explanation.records === 0 ? [] : ['  attributes  share of the records, and what is lost where one is missing']),
    ...(explanation.records === 0
      ? []
      : attributes.map(
          ({ attribute, share, costs, remedy }) =>
            `    ${attribute.padEnd(16)} ${percent(share).padStart(6)}${costs === undefined ? '' : `  ${costs}${remedy === undefined ? '' : `; ${remedy}`}`}`
        )),
    ...problems.flatMap(({ rule, refuses, text, line, column, sample, setting, remedy }) => [
      `  ${refuses ? 'REFUSED' : 'warning'}     ${rule}: ${text}`,
      ...(line === undefined
        ? []
        : [`    first at ${unit} ${line}, column ${column}${sample === undefined ? '' : `: ${printable(sample)}`}`]),
      ...(remedy === undefined ? [] : [`    remedy: ${remedy}`]),
      ...(setting === undefined ? [] : [`    on the appliance: ${setting}`])
    ])
  ]
  return `${lines.join('\n')}\n`
}

/** Lines of strangers may hold what steers a terminal. */
const printable = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '·')

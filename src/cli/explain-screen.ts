/** What `sluice explain` prints for people. */
import type { Explanation } from '../explain/explain.ts'

const percent = (share: number): string => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`

/** Why: which parsers claim the first lines by their bytes. Nothing when the parser was named. */
function whyText(scores: Explanation['scores']): string[] {
  if (scores.length === 0) return []
  const shown = scores.map(({ parser, lines, generic }) => `${parser} ${lines}${generic ? ' (asked last)' : ''}`)
  return [`  by bytes    of the first ${scores[0]!.of} lines, claimed by ${shown.join(', ')}`]
}

/** The text for one file. */
export function explainScreen(file: string, explanation: Explanation): string {
  const { outcomes, recognised, scores, attributes, problems, dropped } = explanation
  const lines = [
    `${file}: ${explanation.verdict === 'accepted' ? 'Cloud Discovery would take it' : 'Cloud Discovery would refuse it'}`,
    `  lines       ${explanation.lines}: ${outcomes.parsed} records, ${outcomes.skipped} skipped, ${outcomes.malformed} malformed, ${outcomes.rejected} without what a record needs, ${outcomes.unidentified} not recognised`,
    ...recognised.map(({ appliance, parser, share }) => `  recognised  ${appliance} (${parser}), ${percent(share)} of the lines`),
    ...whyText(scores),
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
      ...(line === undefined ? [] : [`    first at line ${line}, column ${column}${sample === undefined ? '' : `: ${printable(sample)}`}`]),
      ...(remedy === undefined ? [] : [`    remedy: ${remedy}`]),
      ...(setting === undefined ? [] : [`    on the appliance: ${setting}`])
    ])
  ]
  return `${lines.join('\n')}\n`
}

/** Lines of strangers may hold what steers a terminal. */
const printable = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '·')

/** Colours for terminals, and nothing else anywhere else (https://no-color.org). */
import { styleText } from 'node:util'
import type { Io } from './verb.ts'

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'inverse'
export type Paint = Readonly<Record<Style, (text: string) => string>>

export const isColorful = ({ stdout, env }: Pick<Io, 'stdout' | 'env'>): boolean =>
  stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'

/** Paints for what is written to standard output. */
export function paintFor(io: Pick<Io, 'stdout' | 'env'>): Paint {
  const colorful = isColorful(io)
  const style =
    (name: Style) =>
    (text: string): string =>
      colorful ? styleText(name, text, { validateStream: false }) : text
  return {
    bold: style('bold'),
    dim: style('dim'),
    red: style('red'),
    green: style('green'),
    yellow: style('yellow'),
    cyan: style('cyan'),
    inverse: style('inverse')
  }
}

/** Signs that tell a state by shape as well as by colour. */
import type { VNode } from 'preact'
import { html } from './html.ts'

export type Tone = 'good' | 'warning' | 'bad' | 'idle'

const SHAPES: Readonly<Record<Tone, string>> = {
  good: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm-1 10L3.8 7.9l1.3-1.3L7 8.5l4-4.1 1.3 1.3L7 11Z',
  warning: 'M8 1 .5 14.5h15L8 1Zm-.9 5h1.8l-.2 4.6H7.3L7.1 6ZM8 13.4a1 1 0 1 1 0-2 1 1 0 0 1 0 2Z',
  bad: 'M4.9.9h6.2l4 4v6.2l-4 4H4.9l-4-4V4.9l4-4Zm.5 3.2L4.1 5.4 6.7 8l-2.6 2.6 1.3 1.3L8 9.3l2.6 2.6 1.3-1.3L9.3 8l2.6-2.6-1.3-1.3L8 6.7 5.4 4.1Z',
  idle: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 1.8a5.2 5.2 0 1 1 0 10.4A5.2 5.2 0 0 1 8 2.8ZM7.2 4.5v4.1l3 1.8.8-1.3-2.3-1.3V4.5H7.2Z'
}

/** Decoration: a text beside it says the same. */
export const Sign = ({ tone }: { tone: Tone }): VNode =>
  html`<svg class=${`sign ${tone}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d=${SHAPES[tone]} /></svg>`

/** A state as sign and word. */
export const Badge = ({ tone, text }: { tone: Tone; text: string }): VNode =>
  html`<span class=${`badge ${tone}`}><${Sign} tone=${tone} />${text}</span>`

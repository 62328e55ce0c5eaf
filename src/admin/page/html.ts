/** Markup as tagged templates; values become text or attributes, never markup. */
import htm from 'htm'
import { type ComponentChildren, h, type VNode } from 'preact'

type Html = (strings: TemplateStringsArray, ...values: unknown[]) => VNode

/** htm's own types know no ES modules. */
export const html = (htm as unknown as { bind(make: typeof h): Html }).bind(h)
export type Children = ComponentChildren

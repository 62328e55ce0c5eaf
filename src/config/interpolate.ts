/**
 * `${VAR}`, `${VAR:-default}`, `${VAR:?message}` inside scalar strings, after YAML was parsed: what a variable holds can never
 * become another key, line or item. `$${` is a plain `${`.
 */

export type Environment = Readonly<Record<string, string | undefined>>

const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)([^}]*))?\}|\$\{[^}]*\}?/g

/**
 * The text with its references replaced. An empty variable counts as unset for `:-` and `:?`, as in a shell. Each thing wrong
 * goes to `onFault`; the reference then becomes empty.
 */
export function interpolate(text: string, env: Environment, onFault: (message: string) => void): string {
  if (!text.includes('${')) return text
  return text.replace(REFERENCE, (reference: string, name?: string, operator?: string, argument?: string) => {
    if (reference === '$${') return '${'
    if (name === undefined) {
      onFault(`${JSON.stringify(reference)} is no reference; write \${VAR}, \${VAR:-default} or \${VAR:?message}, and $\${ for a plain \${`)
      return ''
    }
    const value = env[name]
    if (operator === ':-') return value ? value : argument!
    if (operator === ':?') {
      if (!value) onFault(`the environment variable ${name} is not set${argument ? `: ${argument}` : ''}`)
      return value ?? ''
    }
    if (value === undefined) onFault(`the environment variable ${name} is not set; \${${name}:-default} gives a default`)
    return value ?? ''
  })
}

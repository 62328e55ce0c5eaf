/** The token, beyond loopback. It stays in this tab's session storage and goes nowhere but into a header. */
import type { VNode } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { html } from './html.ts'

export function SignIn({ message, onToken }: { message: string; onToken: (token: string) => void }): VNode {
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => input.current?.focus(), [message])
  const submit = (event: Event): void => {
    event.preventDefault()
    const token = input.current!.value.trim()
    if (token !== '') onToken(token)
  }
  return html`<main id="main" tabindex="-1" class="sign-in">
    <form class="card" onSubmit=${submit}>
      <h2>This collector wants its admin token</h2>
      <label for="token">Token</label>
      <input ref=${input} id="token" type="password" autocomplete="current-password" required aria-describedby="token-help" aria-invalid=${message !== ''} />
      <p id="token-help" class="about">It is what <code>admin.token</code> or <code>admin.token_file</code> of the configuration holds, and is forgotten with this tab.</p>
      <p role="alert" class="refused">${message}</p>
      <button type="submit">Show the page</button>
    </form>
  </main>`
}

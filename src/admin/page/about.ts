/** The collector itself: configuration and its last reload, version, lanes. */
import type { VNode } from 'preact'
import { clock, duration, percent } from './format.ts'
import { html } from './html.ts'
import { Badge } from './icons.ts'
import { nowOf, type PageState } from './state.ts'

export function About({ state }: { state: PageState }): VNode {
  const { config, version, uptimeMs, startedMs, lanes } = state.overview!.status
  const nowMs = nowOf(state)
  const busy = lanes.reduce((sum, lane) => sum + lane.busySeconds, 0)
  const alive = lanes.filter(lane => lane.alive).length
  const messages = config.messages ?? []
  return html`<section class="card" aria-labelledby="about">
    <h2 id="about">Configuration and collector</h2>
    <p class="big">
      <span class="path">${config.path ?? 'Defaults, no file'}</span>
      ${config.lastReloadSucceeded ? html`<${Badge} tone="good" text=${`taken ${clock(config.loadedMs, nowMs)}`} />` : html`<${Badge} tone="bad" text=${`not taken ${clock(config.lastReloadMs, nowMs)}`} />`}
    </p>
    ${!config.lastReloadSucceeded && html`<p>The file has faults; what was loaded at ${clock(config.loadedMs, nowMs)} goes on.</p>`}
    ${messages.length > 0 && html`<ul class="messages">${messages.slice(0, 10).map(message => html`<li><code>${message}</code></li>`)}</ul>`}
    <dl class="facts">
      <div><dt>Version</dt><dd>${version}</dd></div>
      <div><dt>Running for</dt><dd>${duration(uptimeMs)}, since ${clock(startedMs, nowMs)}</dd></div>
      <div><dt>Lanes</dt><dd>${alive} of ${lanes.length} answer, busy ${percent(busy, (lanes.length * uptimeMs) / 1000)} of the time</dd></div>
    </dl>
    <p class="links"><a href="/metrics">Metrics</a> <a href="/api/v1/status">Status as JSON</a> <a href="/openapi.json">API</a></p>
  </section>`
}

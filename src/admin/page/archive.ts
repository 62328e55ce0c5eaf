/** The second home of records or lines, where one is configured. */
import type { VNode } from 'preact'
import type { ArchiveStatus } from '../../telemetry/archive-status.ts'
import { ago, number, size } from './format.ts'
import { html } from './html.ts'
import { Badge } from './icons.ts'

export function Archive({ archive, nowMs }: { archive: ArchiveStatus; nowMs: number }): VNode {
  const { type, place, content, running, troubles, sources, waitingFiles, uploadedFiles, uploadedBytes, lastSuccessMs } = archive
  const sum = (key: 'taken' | 'uploaded' | 'waiting' | 'shed'): string => number(sources.reduce((total, source) => total + source[key], 0))
  const isFine = running && troubles.length === 0
  return html`<section class="card" aria-labelledby="archive">
    <h2 id="archive">Archive</h2>
    <p class="big"><b>${number(uploadedFiles)}</b> files kept, ${size(uploadedBytes)} <${Badge} tone=${isFine ? 'good' : 'bad'} text=${isFine ? `last ${ago(lastSuccessMs, nowMs)}` : 'fails'} /></p>
    <p class="about path">${type}: ${place}</p>
    ${troubles.length > 0 && html`<ul class="messages">${troubles.map(text => html`<li>${text}</li>`)}</ul>`}
    <dl class="facts">
      <div><dt>Taken</dt><dd>${sum('taken')} ${content}</dd></div>
      <div><dt>Archived</dt><dd>${sum('uploaded')}</dd></div>
      <div><dt>Waiting</dt><dd>${sum('waiting')} in ${number(waitingFiles)} files</dd></div>
      <div><dt>Not archived for lack of room</dt><dd>${sum('shed')}</dd></div>
    </dl>
  </section>`
}

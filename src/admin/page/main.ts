/** The page: does data reach the tenant? Fed by one stream; drawn anew at each message. */
import { render, type VNode } from 'preact'
import { About } from './about.ts'
import { Archive } from './archive.ts'
import { Connection } from './connection.ts'
import { FirstMinute } from './first-minute.ts'
import { Hero } from './hero.ts'
import { html } from './html.ts'
import { Receivers } from './receivers.ts'
import { Rejects } from './rejects.ts'
import { SignIn } from './sign-in.ts'
import { Sources } from './sources.ts'
import { Spool } from './spool.ts'
import { EMPTY, type Link, nowOf, type PageState, withOverview } from './state.ts'
import { Uploads } from './uploads.ts'

const root = document.getElementById('page')!
let state: PageState = EMPTY

const LINK_WORDS: Readonly<Record<Link['kind'], string>> = {
  connecting: 'connecting',
  live: 'live',
  polling: 'every few seconds',
  lost: 'no answer',
  locked: 'locked'
}

function Page({ state }: { state: PageState }): VNode {
  const { link } = state
  return html`<div>
    <a class="skip" href="#main">Skip to the content</a>
    <header>
      <h1><img src="/icon.svg" alt="" width="24" height="24" />Sluice</h1>
      <span class=${`link ${link.kind}`}>${LINK_WORDS[link.kind]}</span>
    </header>
    ${link.kind === 'locked' ? html`<${SignIn} message=${link.message} onToken=${(token: string) => connection.signIn(token)} />` : html`<${Content} state=${state} />`}
  </div>`
}

function Content({ state }: { state: PageState }): VNode {
  const { link, overview } = state
  const nowMs = nowOf(state)
  const isFirst =
    overview !== undefined && overview.status.balance.frames.received === 0 && overview.status.balance.delivery.recovered === 0
  return html`<main id="main" tabindex="-1" class=${link.kind === 'lost' ? 'stale' : ''}>
    <${Hero} link=${link} overview=${overview} nowMs=${nowMs} />
    ${
      overview &&
      html`<div class="parts">
        ${isFirst && html`<${FirstMinute} receivers=${overview.status.receivers} />`}
        <${Sources} state=${state} />
        <${Rejects} kinds=${overview.rejects} nowMs=${nowMs} />
        <div class="halves">
          <${Uploads} state=${state} />
          <div class="stack"><${Spool} state=${state} />${overview.status.archive && html`<${Archive} archive=${overview.status.archive} nowMs=${nowMs} />`}</div>
        </div>
        <${Receivers} state=${state} />
        <${About} state=${state} />
      </div>`
    }
  </main>`
}

const TITLES = { good: '✓', starting: '…', warning: '!', bad: '✗' } as const

function draw(): void {
  const { link, overview } = state
  const verdict = overview?.verdict
  const lost = link.kind === 'lost'
  document.title =
    verdict === undefined ? 'Sluice' : lost ? '✗ No answer – Sluice' : `${TITLES[verdict.level]} ${verdict.headline} – Sluice`
  render(html`<${Page} state=${state} />`, root)
}

const connection = new Connection({
  overview(overview) {
    state = withOverview(state, overview)
    draw()
  },
  link(link) {
    state = { ...state, link }
    if (link.kind !== 'live' && link.kind !== 'polling') draw() // else the overview that comes with it draws
  }
})

draw()
void connection.run()

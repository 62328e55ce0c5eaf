/** Where lines come in: each listener with its state, who sends, what was refused or lost, and its certificate. */
import type { VNode } from 'preact'
import type { PeerStatus, ReceiverStatus } from '../../contracts.ts'
import { ago, count, duration, number, onDay, size } from './format.ts'
import { html } from './html.ts'
import { Badge, type Tone } from './icons.ts'
import { nowOf, type PageState, receiverKey } from './state.ts'
import { Table } from './table.ts'

const EXPIRY_SOON_MS = 14 * 86_400_000

const TONES: Readonly<Record<ReceiverStatus['state'], Tone>> = { listening: 'good', paused: 'warning', failed: 'bad', stopped: 'idle' }

/** Counters that say something went wrong; the rest is in the metrics. */
const TROUBLES: readonly (readonly [counter: string, one: string, many?: string])[] = [
  ['udp_kernel_dropped_datagrams_total', 'dropped by the kernel'],
  ['udp_lost_datagrams_total', 'lost with their thread'],
  ['rate_limited_total', 'over the rate limit'],
  ['refused_total', 'refused'],
  ['handshake_failed_total', 'handshake failed', 'handshakes failed'],
  ['client_certificate_refused_total', 'client certificate refused', 'client certificates refused'],
  ['truncated_frames_total', 'line cut', 'lines cut'],
  ['commit_failed_total', 'without receipt'],
  ['connection_errors_total', 'connection broken', 'connections broken'],
  ['pauses_total', 'pause', 'pauses']
]

export function Receivers({ state }: { state: PageState }): VNode {
  const { receivers } = state.overview!.status
  const nowMs = nowOf(state)
  const rows = receivers.map(receiver => {
    const { name, protocol, address, state: now, reason, pauses = [], connections, counters } = receiver
    const key = receiverKey(receiver)
    return {
      key,
      cells: [
        html`<span><b>${name}</b> <span class="quiet">${protocol}</span></span>`,
        html`<code>${address}</code>`,
        html`<${Badge} tone=${pauses.length > 0 ? 'warning' : TONES[now]} text=${reason === undefined ? now : `${now}: ${reason}`} />`,
        number(connections),
        html`<span>${size(counters.received_bytes_total ?? 0)}<span class="quiet"> ${size(state.receiverRates.get(key) ?? 0)}/s</span></span>`,
        html`<${Notes} receiver=${receiver} nowMs=${nowMs} />`
      ],
      below: receiver.peers && receiver.peers.length > 0 && html`<${Peers} receiver=${receiver} nowMs=${nowMs} />`
    }
  })
  return html`<section class="card" aria-labelledby="receivers">
    <h2 id="receivers">Receivers</h2>
    <${Table} caption="Receivers" head=${['Receiver', 'Address', 'State', 'Senders', 'Bytes', 'Notes']} numeric=${[3, 4]} rows=${rows} empty="No receiver." />
  </section>`
}

function Notes({ receiver, nowMs }: { receiver: ReceiverStatus; nowMs: number }): VNode {
  const notes = TROUBLES.flatMap(([counter, one, many = one]) => {
    const times = receiver.counters[counter] ?? 0
    return times > 0 ? [count(times, one, many)] : []
  })
  const endsAt = receiver.gauges?.tls_certificate_expiry_timestamp_seconds
  return html`<span class="notes">
    ${endsAt !== undefined && html`<${Certificate} endsMs=${endsAt * 1000} nowMs=${nowMs} />`}
    <span>${notes.length > 0 ? notes.join(', ') : endsAt === undefined ? '–' : ''}</span>
  </span>`
}

function Certificate({ endsMs, nowMs }: { endsMs: number; nowMs: number }): VNode {
  const leftMs = endsMs - nowMs
  if (leftMs <= 0) return html`<${Badge} tone="bad" text=${`certificate ended ${onDay(endsMs)}`} />`
  if (leftMs < EXPIRY_SOON_MS) return html`<${Badge} tone="warning" text=${`certificate ends in ${duration(leftMs)}`} />`
  return html`<span class="quiet">certificate until ${onDay(endsMs)}</span>`
}

/** The senders with the most bytes. */
function Peers({ receiver, nowMs }: { receiver: ReceiverStatus; nowMs: number }): VNode {
  const { peers = [], peersKnown = peers.length } = receiver
  return html`<details class="peers">
    <summary>Who sends to ${receiver.name} by ${receiver.protocol} (${number(peersKnown)})</summary>
    <${Table}
      caption=${`Senders of ${receiver.name}`}
      head=${['Sender', 'Last heard', 'Lines', 'Bytes', 'Open']}
      numeric=${[2, 3, 4]}
      rows=${peers.map((peer: PeerStatus) => ({
        key: peer.address,
        cells: [html`<code>${peer.address}</code>`, ago(peer.lastSeenMs, nowMs), number(peer.frames), size(peer.bytes), number(peer.open)]
      }))}
      empty=""
    />
    ${peersKnown > peers.length && html`<p class="about">and ${number(peersKnown - peers.length)} more</p>`}
  </details>`
}

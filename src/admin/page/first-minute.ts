/** Nothing has arrived yet: what to do next. */
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { ReceiverStatus } from '../../contracts.ts'
import { html } from './html.ts'

export function FirstMinute({ receivers }: { receivers: readonly ReceiverStatus[] }): VNode {
  const host = location.hostname.replace(/^\[|\]$/g, '')
  const command = testCommand(host, receivers)
  return html`<section class="card first" aria-labelledby="first">
    <h2 id="first">The first line</h2>
    <ol>
      ${
        command &&
        html`<li>
        <p><b>Send a test line</b> from any machine that reaches this one:</p>
        <${Copyable} text=${command} />
        <p class="about">Some seconds later it is counted below, from received to uploaded.</p>
      </li>`
      }
      <li>
        <p><b>Point an appliance here.</b> This collector listens on</p>
        <ul class="listening">${receivers.map(({ protocol, address }) => html`<li><code>${reachable(address, host)}</code> <span class="quiet">${protocol}</span></li>`)}</ul>
      </li>
      <li>
        <p><b>Not sure how?</b> This prints the appliance’s own commands with this host and port, and waits for the first good line:</p>
        <${Copyable} text="sluice guide fortinet-fortigate" />
        <p class="about">Without a name it lists the appliances. From a checkout: <code>npm run -s sluice -- guide fortinet-fortigate</code></p>
      </li>
    </ol>
  </section>`
}

/** As the README's: a FortiGate line by the first plain syslog listener. */
function testCommand(host: string, receivers: readonly ReceiverStatus[]): string | undefined {
  const receiver =
    receivers.find(({ protocol }) => protocol === 'syslog-udp') ?? receivers.find(({ protocol }) => protocol === 'syslog-tcp')
  if (receiver === undefined) return undefined
  const port = receiver.address.split(':').at(-1)
  const way = receiver.protocol === 'syslog-udp' ? '--udp' : '--tcp'
  const line =
    'devid=\\"FG100F\\" eventtime=$(date +%s) type=\\"traffic\\" subtype=\\"forward\\" srcip=10.1.2.3 user=\\"alice\\" dstip=93.184.216.34 dstport=443 hostname=\\"www.example.org\\" sentbyte=1000 rcvdbyte=2000 action=\\"close\\"'
  return `logger --server ${host} --port ${port} ${way} "${line}"`
}

/** An address that listens everywhere, as others reach it. */
const reachable = (address: string, host: string): string =>
  address.replace(/^(0\.0\.0\.0|\[::\])(?=:)/, host.includes(':') ? `[${host}]` : host)

function Copyable({ text }: { text: string }): VNode {
  const [said, setSaid] = useState('')
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text)
      setSaid('copied')
    } catch {
      setSaid('select it and copy') // no clipboard beyond https and loopback
    }
    setTimeout(() => setSaid(''), 3000)
  }
  return html`<div class="copyable">
    <pre tabindex="0" aria-label="Command"><code>${text}</code></pre>
    <button type="button" onClick=${copy}>${said === '' ? 'Copy' : said}</button>
  </div>`
}

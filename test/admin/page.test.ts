import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createContext, Script } from 'node:vm'
import t, { type Test } from 'tap'
import { startAdmin } from '../../src/admin/server.ts'
import { fakeSource } from './fake-source.ts'
import { smallDocument } from './small-dom.ts'

const DIR = join(import.meta.dirname, '../../src/admin/page')

/** Runs the page's script against a real server; `tick` is its next refresh. */
async function openPage(t: Test, token?: string) {
  const source = fakeSource()
  const server = await startAdmin(source, { host: '127.0.0.1', port: 0, token })
  t.teardown(() => server.close())
  const document = smallDocument(readFileSync(join(DIR, 'page.html'), 'utf8'))
  const stored = new Map<string, string>()
  let next: (() => void) | undefined
  let wake: (() => void) | undefined
  const refreshed = () => new Promise<void>(resolve => (wake = resolve))
  const first = refreshed()
  const context = createContext({
    document,
    Intl,
    Map,
    Date,
    Math,
    AbortSignal,
    sessionStorage: { getItem: (key: string) => stored.get(key) ?? null, setItem: (key: string, value: string) => stored.set(key, value) },
    fetch: (path: string, init: RequestInit) => fetch(server.url + path, init),
    setTimeout(callback: () => void) {
      next = callback
      wake?.()
    }
  })
  new Script(readFileSync(join(DIR, 'page.js'), 'utf8')).runInContext(context)
  await first
  const tick = async () => {
    const done = refreshed()
    next?.()
    await done
  }
  return { source, server, document, tick, text: (id: string) => document.getElementById(id).textContent }
}

t.test('the page shows sources, receivers, spool, uploads and the balance, and follows the status', async t => {
  const { source, text, tick, server } = await openPage(t)
  t.equal(text('state'), 'healthy')
  t.match(text('sources'), /HQ-FortiGate.*100 received.*7 skipped.*90 parsed.*80 written.*24 in the spool.*60 uploaded/)
  t.match(text('receivers'), /syslog-udp 127\.0\.0\.1:5514 listening 0 68\.4 KiB/)
  t.match(text('receivers'), /paused: spool full/)
  t.match(text('spool'), /4\.0 KiB of 8\.0 KiB, .* 1 segments open, 2 waiting/)
  t.match(text('uploads'), /HQ-FortiGate 20270115080000-1 60 5\.9 KiB 2\.1 s done/)
  t.match(text('balance'), /Every frame and record is accounted for \(4 in flight; 6 frames were shed/)
  source.current.state = 'degraded'
  source.current.reasons = ['<b>the disk is full</b>']
  source.current.balance.balanced = false
  await tick()
  t.equal(text('state'), 'degraded')
  t.equal(text('reasons'), '<b>the disk is full</b>', 'as text')
  t.match(text('balance'), /^Not accounted for/)
  await server.close()
  await tick()
  t.equal(text('state'), 'not reachable')
})

t.test('with a token the page asks for it', async t => {
  const { document, text, tick } = await openPage(t, '0123456789abcdef')
  const form = document.getElementById('sign-in')
  t.equal(text('state'), 'locked')
  t.equal(form.hidden, false)
  const send = async (token: string) => {
    document.getElementById('token').value = token
    form.listeners.get('submit')?.({ preventDefault: () => undefined })
    await tick()
  }
  await send('wrong')
  t.equal(text('state'), 'token refused')
  await send('0123456789abcdef')
  t.equal(text('state'), 'healthy')
  t.equal(form.hidden, true)
})

/** `sluice top` in a real terminal (tmux): it draws, follows the size, quits by q, and leaves the terminal as it was. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startAdmin } from '../../src/admin/server.ts'
import { runCommandLine } from '../../src/cli/command-line.ts'
import { paintFor } from '../../src/cli/paint.ts'
import { topScreen } from '../../src/cli/top-screen.ts'
import { fakeSource } from '../admin/fake-source.ts'
import { until } from '../integration/collector-kit.ts'
import { sampleStatus } from '../telemetry/sample-status.ts'
import { memoryIo } from './memory-io.ts'

t.setTimeout(600_000)
const MAIN = join(import.meta.dirname, '../../src/main.ts')
const plain = paintFor(memoryIo('/'))

/** A terminal of its own; the shell in it stays when the program ends. */
function terminal(t: Test, columns: number, rows: number) {
  const socket = `sluice-test-${process.pid}-${columns}`
  const tmux = (...args: string[]): string => {
    const { error, stdout, stderr, status } = spawnSync('tmux', ['-L', socket, '-f', '/dev/null', ...args], { encoding: 'utf8' })
    if (error) throw new Error(`tmux cannot be started: apt-get install tmux (${error.message})`)
    if (status !== 0) throw new Error(`tmux ${args.join(' ')}: ${stderr}`)
    return stdout
  }
  tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), 'env', 'PS1=ready> ', 'sh', '-i')
  t.teardown(() => tmux('kill-server'))
  const screen = (): string => tmux('capture-pane', '-p')
  return {
    screen,
    type: (text: string) => tmux('send-keys', '-l', text),
    enter: () => tmux('send-keys', 'Enter'),
    resize: (width: number, height: number) => tmux('resize-window', '-x', String(width), '-y', String(height)),
    cursor: () => tmux('display-message', '-p', '#{cursor_flag} #{alternate_on}').trim(),
    shows: (text: string) => until(`the terminal shows ${text}`, () => screen().includes(text), screen)
  }
}

t.test('it draws a board, follows what happens and the size of the terminal, and q gives the terminal back', async t => {
  const source = fakeSource()
  const server = await startAdmin(source, { host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  const { type, enter, shows, screen, resize, cursor } = terminal(t, 80, 24)
  await shows('ready>')
  type(`${process.execPath} ${MAIN} top --url ${server.url} --interval 200ms`)
  enter()
  await shows('HQ-FortiGate')
  t.equal(cursor(), '0 1', 'no cursor, on the other screen')
  t.match(screen(), /SOURCE +LINES\/S/)
  t.match(screen(), /q quits\s*$/)
  source.current = { ...source.current, spool: { ...source.current.spool, full: true } }
  await shows('The spool is full, and senders that can wait are stopped')
  resize(60, 12)
  await until('it is as small as the terminal', () => screen().trimEnd().split('\n').length === 12 && screen().includes('q quits'), screen)
  type('q')
  await shows('ready>')
  await until('it is the first screen again', () => cursor() === '1 0', screen)
  t.notMatch(screen(), /HQ-FortiGate/, 'and nothing of it is left')
})

t.test('every size gets as many lines as it has rows, none too long, whatever the sources are called', async t => {
  const status = sampleStatus()
  const [source] = status.sources
  const many = {
    ...status,
    sources: Array.from({ length: 60 }, (_, index) => ({ ...source!, name: `source-${index}-${'x'.repeat(50)}\u001b[31m` }))
  }
  for (const size of [
    { columns: 80, rows: 24 },
    { columns: 200, rows: 60 },
    { columns: 40, rows: 16 }
  ]) {
    const lines = topScreen({ status: many, atMs: 1000 }, { status: many, atMs: 2000 }, size, plain)
    t.equal(lines.length, size.rows)
    t.ok(lines.every(line => line.length <= size.columns))
    t.match(lines.join('\n'), /more sources, see sluice status/)
    t.notMatch(lines.join('\n'), '\u001b')
  }
})

t.test('rates are what came between two looks', async t => {
  const before = sampleStatus()
  const [source] = before.sources
  const now = { ...before, sources: [{ ...source!, frames: { ...source!.frames, received: source!.frames.received + 500 } }] }
  const lines = topScreen({ status: before, atMs: 1000 }, { status: now, atMs: 3000 }, { columns: 100, rows: 30 }, plain)
  t.match(
    lines.find(line => line.startsWith(source!.name)),
    / 250 /
  )
})

t.test('without a terminal it says what to use instead', async t => {
  const io = memoryIo('/')
  t.equal(await runCommandLine(['top', '--url', 'http://127.0.0.1:1'], io), 2)
  t.match(io.err(), /needs a terminal; sluice status/)
})

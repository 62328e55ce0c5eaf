import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { spawn } from '../child-kit.ts'
import { finishedLines, openSpool, scratchDirectory } from './blocks.ts'

const CHILD = fileURLToPath(new URL('append-until-killed.ts', import.meta.url))

t.test('kill -9 in the middle of appending, again and again: every confirmed line is there, none twice', async t => {
  const dir = scratchDirectory()
  const confirmed: [number, number][] = []
  for (let round = 0; round < 5; round++) {
    const first = round * 1_000_000
    const child = spawn(process.execPath, [CHILD, dir, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] })
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      printed += text
    })
    while (printed.split('\n').length < 5 + round * 7) await sleep(1)
    child.kill('SIGKILL')
    await once(child, 'close')
    confirmed.push([first, Number(printed.slice(0, printed.lastIndexOf('\n')).split('\n').at(-1))])
  }
  const spool = await openSpool(dir)
  const lines = await finishedLines(spool)
  const found = new Set(lines)
  t.equal(found.size, lines.length, 'no line twice')
  for (const [first, end] of confirmed) {
    let lost = 0
    for (let i = first; i < end; i++) if (!found.has(`id-${i}`)) lost++
    t.equal(lost, 0, `${end - first} lines were confirmed before the kill`)
    t.ok(end > first)
  }
  t.equal(spool.stats().segments.setAside, 0)
  await spool.close()
})

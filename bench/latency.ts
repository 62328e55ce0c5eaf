/**
 * How long a line takes from its sender to a durable block, at half load. A source of its own gets one line at a time, among the
 * lines of others; its block is seen when its ledger grows, which is in the same commit as the fdatasync. The mean time of that
 * sync is added.
 */
import { readdirSync, statSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { newFolder, type Sluice, startSluice } from './collectors.ts'
import { random } from './lines.ts'
import { sleep, until } from './measure.ts'
import { sendTcp } from './sender.ts'
import { linesOf, tcpRound } from './whole-path.ts'

export interface LatencyResult {
  megabytesPerSecond: number
  probes: number
  syncMilliseconds: number
  p50Milliseconds: number
  p90Milliseconds: number
  p99Milliseconds: number
  maxMilliseconds: number
}

const PROBE_ADDRESS = '127.0.0.9'
const POLL_MS = 1

export async function latencyResult(probes: number): Promise<LatencyResult> {
  const dir = newFolder()
  const config = {
    spool: { dir },
    sources: [{ name: 'probe', from: { peers: [PROBE_ADDRESS] } }, { name: 'load' }]
  }
  const sluice = await startSluice(2, { config })
  try {
    const lines = linesOf('fortinet-fortigate')
    const { bytes, seconds } = await tcpRound(sluice, lines, 240e6)
    const half = bytes / seconds / 2
    const stop = new AbortController()
    const sending = sendTcp(sluice.port, lines, 1e13, 4, { bytesPerSecond: half, signal: stop.signal })
    const line = lines.subarray(0, lines.indexOf(10) + 1)
    const found = await probe(sluice, join(dir, 'open'), line, probes)
    stop.abort()
    await sending
    const sync = await meanSyncMs(sluice)
    const sorted = found.map(ms => ms + sync).sort((a, b) => a - b)
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
    return {
      megabytesPerSecond: half / 1e6,
      probes,
      syncMilliseconds: sync,
      p50Milliseconds: at(0.5),
      p90Milliseconds: at(0.9),
      p99Milliseconds: at(0.99),
      maxMilliseconds: sorted.at(-1)!
    }
  } finally {
    await sluice.stop()
  }
}

/** Milliseconds that each of so many lines took. */
async function probe(sluice: Sluice, folder: string, line: Buffer, probes: number): Promise<number[]> {
  const next = random(7)
  const socket = await connected(sluice.port)
  const before = new Set(readdirSync(folder))
  socket.write(line)
  let ledger = ''
  await until('the ledger of the probe', () => {
    ledger = readdirSync(folder).find(name => name.endsWith('.ledger') && !before.has(name)) ?? ''
    return ledger !== ''
  })
  await sleep(1000)
  const size = (): number => statSync(join(folder, ledger)).size
  const found: number[] = []
  for (let i = 0; i < probes; i++) {
    await sleep(next() * 200) // anywhere between two commits
    const sizeBefore = size()
    const began = performance.now()
    socket.write(line)
    await until('a line to be durable', () => size() > sizeBefore, 30_000, POLL_MS)
    found.push(performance.now() - began)
  }
  socket.destroy()
  return found
}

const connected = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: PROBE_ADDRESS, noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  })

async function meanSyncMs(sluice: Sluice): Promise<number> {
  const { counts, sum } = (await sluice.status()).spool.syncs
  return (sum * 1000) / counts.reduce((all, count) => all + count, 0)
}

/** Syslog over TLS 1.3: one connection, and many. The senders are Node programs, so part of the two cores is theirs. */
import { execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { newFolder, PORTS, startSluice } from './collectors.ts'
import { sleep, until } from './measure.ts'
import { ENDLESS_BYTES, type MemoryResult, memoryOverTime } from './memory.ts'
import { linesIn } from './sender.ts'
import { linesOf } from './whole-path.ts'

export interface TlsResult {
  connections: number
  megabytesPerSecond: number
  megabytesPerCpuSecond: number
  linesPerSecond: number
  /** Resident before the load, and the peak. */
  idleMegabytes: number
  peakMegabytes: number
}

const SENDER = fileURLToPath(new URL('./tls-sender.ts', import.meta.url))

/** Configuration of a receiver with a certificate of its own. */
export function tlsReceiver(): object {
  const dir = newFolder()
  const tls = { cert_file: join(dir, 'cert.pem'), key_file: join(dir, 'key.pem') }
  const names = ['-subj', '/CN=bench', '-addext', 'subjectAltName=DNS:bench']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', tls.key_file]
  execFileSync('openssl', ['req', '-x509', ...key, '-out', tls.cert_file, '-days', '2', ...names], { stdio: 'ignore' })
  return { type: 'syslog-tls', listen: `127.0.0.1:${PORTS.sluice}`, tls }
}

/** Memory of two lanes at full load over TLS, uploads going on beside it. */
export async function tlsMemoryResult(connections: number, seconds: number): Promise<MemoryResult> {
  const sluice = await startSluice(2, {
    config: { receivers: [tlsReceiver()], upload: { flush_interval: '5s', requests_per_minute: 600 } }
  })
  try {
    await sleep(2000)
    return await memoryOverTime(sluice, seconds, signal => send(linesOf('fortinet-fortigate'), connections, ENDLESS_BYTES, signal))
  } finally {
    await sluice.stop()
  }
}

export async function tlsResult(connections: number, bytes: number): Promise<TlsResult> {
  const sluice = await startSluice(2, { config: { receivers: [tlsReceiver()] } })
  try {
    const lines = linesOf('fortinet-fortigate')
    await send(lines, 1, 16e6) // warm
    const idle = sluice.residentMemoryBytes()
    const before = await sluice.linesDone()
    const cpuBefore = sluice.cpuSeconds()
    const began = performance.now()
    const sent = await send(lines, connections, bytes)
    const count = linesIn(lines, sent)
    await until('the lines sent over TLS', async () => (await sluice.linesDone()) - before >= count, 120_000)
    const seconds = (performance.now() - began) / 1000
    return {
      connections,
      megabytesPerSecond: sent / 1e6 / seconds,
      megabytesPerCpuSecond: sent / 1e6 / (sluice.cpuSeconds() - cpuBefore),
      linesPerSecond: count / seconds,
      idleMegabytes: idle / 1e6,
      peakMegabytes: sluice.peakMemoryBytes() / 1e6
    }
  } finally {
    await sluice.stop()
  }
}

/** Bytes sent, when all connections are closed; not a number when the signal ended the sender. */
function send(lines: Buffer, connections: number, bytes: number, signal?: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [SENDER, String(PORTS.sluice), String(connections), String(bytes)], {
      stdio: ['pipe', 'pipe', 'inherit']
    })
    let text = ''
    child.stdout.on('data', chunk => {
      text += String(chunk)
    })
    child.once('error', reject)
    signal?.addEventListener('abort', () => child.kill())
    child.once('close', code => {
      if (signal?.aborted) resolve(Number.NaN)
      else if (code === 0) resolve(Number(text))
      else reject(new Error(`The TLS sender ended with ${code}`))
    })
    child.stdin.end(lines)
  })
}

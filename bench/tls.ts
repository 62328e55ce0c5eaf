/** Syslog over TLS 1.3: one connection, and many. The senders are Node programs, so part of the two cores is theirs. */
import { execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { newFolder, PORTS, startSluice } from './collectors.ts'
import { until } from './measure.ts'
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

export async function tlsResult(connections: number, bytes: number): Promise<TlsResult> {
  const dir = newFolder()
  const [certFile, keyFile] = [join(dir, 'cert.pem'), join(dir, 'key.pem')]
  const subject = ['-subj', '/CN=localhost', '-days', '2', '-nodes']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', keyFile, '-out', certFile]
  execFileSync('openssl', ['req', '-x509', ...key, ...subject], { stdio: 'ignore' })
  const receiver = { type: 'syslog-tls', listen: `127.0.0.1:${PORTS.sluice}`, tls: { cert_file: certFile, key_file: keyFile } }
  const sluice = await startSluice(2, { config: { receivers: [receiver] } })
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

/** Bytes sent, when all connections are closed. */
function send(lines: Buffer, connections: number, bytes: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [SENDER, String(PORTS.sluice), String(connections), String(bytes)], {
      stdio: ['pipe', 'pipe', 'inherit']
    })
    let text = ''
    child.stdout.on('data', chunk => {
      text += String(chunk)
    })
    child.once('error', reject)
    child.once('close', code => (code === 0 ? resolve(Number(text)) : reject(new Error(`The TLS sender ended with ${code}`))))
    child.stdin.end(lines)
  })
}

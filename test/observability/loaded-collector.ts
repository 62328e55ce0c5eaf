/** A real collector in front of a tenant in this process, under a load that moves every counter a panel shows. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import { startTenant, type Tenant } from '../../src/tenant/tenant.ts'
import { connectTo, numberedLine, type RunningCollector, type Setup, startCollector } from '../integration/collector-kit.ts'
import type { S3Server } from '../receivers/s3-server.ts'
import { TestAuthority } from '../receivers/tls-kit.ts'

export const TOKEN = 'ab'.repeat(32)
/** Requests a minute that the service allows are few, so files are few, too. */
const FLUSH_INTERVAL = '3s'

/** More receivers and keys of the file than every collector here has. */
export interface MoreSetup {
  receivers?: Setup['receivers']
  overrides?: Setup['overrides']
}

export function loadSetup(tenantUrl: string, more: MoreSetup = {}): Setup {
  const { cert, key } = new TestAuthority().issue('collector.example.org')
  return {
    receivers: [
      { name: 'syslog', protocols: ['udp', 'tcp'] },
      { type: 'syslog-tls', name: 'tls', tls: { cert_file: cert, key_file: key } },
      ...(more.receivers ?? [])
    ],
    sources: [{ name: 'branch', receiver: 'tls' }, { name: 'HQ' }],
    flushInterval: FLUSH_INTERVAL,
    overrides: {
      tenant: { url: tenantUrl, auth: { token: TOKEN, secret_ends: new Date(Date.now() + 100 * 86_400_000).toISOString().slice(0, 10) } },
      upload: { flush_interval: FLUSH_INTERVAL },
      process: { drop_internal: true, one_per_connection: false, max_age: 'off' },
      ...more.overrides
    }
  }
}

/** An archive in folders beside the spool; `min_free_bytes` is small, as the disk may be. */
export const archiveInto = (dir: string) => ({
  type: 'directory',
  folder: join(dir, 'archive'),
  dir: join(dir, 'archive-buffer'),
  flush_interval: FLUSH_INTERVAL,
  min_free_bytes: '1MiB'
})

/** A receiver that fetches from a bucket, often. */
export function bucketReceiver({ options: { bucket, region, endpoint, accessKeyId, secretAccessKey } }: S3Server) {
  const s3 = { bucket, region, endpoint, access_key_id: accessKeyId, secret_access_key: secretAccessKey }
  return { type: 'blob-pull', name: 'bucket', s3, prefix: 'fw/', interval: '1s', backoff_min: '500ms', backoff_max: '1s' }
}

/** A FortiGate line of now. */
export function liveLine(number: number): string {
  const line = numberedLine(number).replace(/eventtime=\d+/, `eventtime=${BigInt(Date.now()) * 1_000_000n}`)
  if (number % 7 === 1) return line.replace('203.0.113.9', '10.9.9.9') // dropped: internal
  if (number % 7 === 2) return line.replace('action="close"', 'action="strange"') // corrected
  if (number % 50 === 3) return `${line.slice(0, 150)}\n` // malformed
  if (number % 50 === 4) return line.replace('type="traffic" subtype="forward"', 'type="event" subtype="user"') // skipped
  if (number % 50 === 5) return 'nobody knows this line\n'
  return line
}

/** Starts a tenant whose token can be taken back: `tenant.close()` is an outage. */
export function startTestTenant(dir: string, port = 0, token = TOKEN): Promise<Tenant> {
  return startTenant({ dir, port, token })
}

/** Sends a few hundred lines a second by TCP, UDP and TLS until the signal fires. */
export async function sendUntil(collector: RunningCollector, signal: AbortSignal): Promise<void> {
  const tcp = await connectTo(collector.port('syslog', 'syslog-tcp'))
  const udp = createSocket('udp4')
  const tls = await connectByTls(collector)
  // Strangers on the TLS port: their handshakes fail, which is counted.
  const knock = setInterval(
    () =>
      void connectTo(collector.port('tls', 'syslog-tls')).then(stranger => stranger.on('error', () => undefined).end('no TLS at all\n')),
    2000
  )
  for (let number = 0; !signal.aborted; ) {
    let lines = ''
    for (let i = 0; i < 20; i++) lines += liveLine(number++)
    tcp.write(lines)
    tls.write(liveLine(number++) + liveLine(number++))
    for (let i = 0; i < 5; i++) udp.send(liveLine(number++), collector.port('syslog', 'syslog-udp'), '127.0.0.1')
    await sleep(100)
  }
  clearInterval(knock)
  for (const socket of [tcp, tls]) socket.destroy()
  udp.close()
}

async function connectByTls(collector: RunningCollector): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port: collector.port('tls', 'syslog-tls'), rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  return socket
}

/** A collector whose data sources the tenant already knows: it lists them at the start, and then not for ten minutes. */
export async function startKnownCollector(t: Test, dir: string, tenantUrl: string, more: MoreSetup): Promise<RunningCollector> {
  const setup = loadSetup(tenantUrl, more)
  const first = await startCollector(t, dir, setup)
  const tcp = await connectTo(first.port('syslog', 'syslog-tcp'))
  const tls = await connectByTls(first)
  for (const socket of [tcp, tls]) {
    for (let number = 0; number < 14; number++) socket.write(liveLine(number))
    socket.end()
  }
  await first.statusUntil('a file of each source is uploaded', ({ upload }) => upload.uploadedFiles > 1)
  await first.stop()
  return startCollector(t, dir, setup)
}

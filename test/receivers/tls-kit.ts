/** Certificates for tests, made by the openssl command, and a TLS sender that never reads. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { scratchDir } from '../test-dir.ts'

const openssl = (args: string[]): void => {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

export interface Pair {
  cert: string
  key: string
}

export class TestAuthority {
  readonly dir = scratchDir('tls')
  readonly ca = this.#path('ca.pem')
  readonly #caKey = this.#path('ca.key')

  constructor(name = 'Test CA') {
    const subject = ['-subj', `/CN=${name}`, '-days', '30', '-addext', 'basicConstraints=critical,CA:TRUE']
    openssl([
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      this.#caKey,
      '-out',
      this.ca,
      ...subject
    ])
  }

  /** A certificate of this authority with a DNS name. */
  issue(name: string, days = 30, alternativeNames = `DNS:${name}`): Pair {
    const [cert, key, request, extensions] = ['pem', 'key', 'csr', 'ext'].map(ending =>
      this.#path(`${name.replace('*', 'star')}.${ending}`)
    ) as [string, string, string, string]
    openssl([
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      key,
      '-out',
      request,
      '-subj',
      `/CN=${name}`
    ])
    writeFileSync(extensions, `subjectAltName=${alternativeNames}\n`)
    openssl([
      'x509',
      '-req',
      '-in',
      request,
      '-CA',
      this.ca,
      '-CAkey',
      this.#caKey,
      '-CAcreateserial',
      '-days',
      String(days),
      '-extfile',
      extensions,
      '-out',
      cert
    ])
    return { cert, key }
  }

  #path(name: string): string {
    return join(this.dir, name)
  }
}

/**
 * Sends bytes as appliances do that only write: nothing is read from the socket after the handshake, and it is closed right
 * after the last byte. What the server sent by then stays unread in the kernel.
 */
export async function sendOneWay(port: number, bytes: Buffer): Promise<void> {
  const pipe = new Duplex({ read() {}, write: (chunk, _encoding, callback) => void tcp.write(chunk, () => callback()) })
  const tcp = connectTcp({
    port,
    host: '127.0.0.1',
    // With onread, pause() stops the reading of the handle at once.
    onread: { buffer: Buffer.alloc(64 * 1024), callback: (length, buf) => pipe.push(Buffer.from(buf.subarray(0, length))) || true }
  })
  tcp.on('error', () => {})
  const tls = connectTls({ socket: pipe, rejectUnauthorized: false })
  tls.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    tls.once('secureConnect', resolve)
    tcp.once('close', () => reject(new Error('closed before the handshake was done')))
  })
  tcp.pause()
  await new Promise<void>(resolve => {
    tcp.once('close', () => resolve())
    tls.write(bytes, () => {
      tcp.destroy()
      resolve()
    })
  })
}

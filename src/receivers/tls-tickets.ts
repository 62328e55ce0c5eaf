/**
 * Finds out whether this process, as a TLS 1.3 server, sends session tickets. A sender that only writes and then closes loses
 * lines by them (config/openssl.cnf tells why and how to switch them off).
 */
import { once } from 'node:events'
import { duplexPair } from 'node:stream'
import { connect, createSecureContext, type SecureContextOptions, TLSSocket } from 'node:tls'

const TEST_TIMEOUT_MS = 5000

/** Runs one handshake in memory. Rejects when it fails. */
export async function sendsSessionTickets(context: SecureContextOptions): Promise<boolean> {
  const [clientEnd, serverEnd] = duplexPair()
  const server = new TLSSocket(serverEnd, { isServer: true, secureContext: createSecureContext({ ...context, maxVersion: 'TLSv1.3' }) })
  const client = connect({ socket: clientEnd, rejectUnauthorized: false, minVersion: 'TLSv1.3' })
  let tickets = 0
  client.on('session', () => tickets++)
  server.on('error', error => client.destroy(error))
  try {
    // The server writes after its handshake, and tickets come before that: once the byte is here, all tickets are.
    server.once('secure', () => server.write('.'))
    await once(client, 'data', { signal: AbortSignal.timeout(TEST_TIMEOUT_MS) })
    return tickets > 0
  } finally {
    client.destroy()
    server.destroy()
  }
}

export const TICKET_REMEDY =
  'this process sends TLS 1.3 session tickets, so senders that only write and then close lose lines; ' +
  'start it with --openssl-config=config/openssl.cnf (or OPENSSL_CONF), or set sessionTickets to tls1.2'

/**
 * Where a receiver listens, and what to tell a person when it cannot.
 */
import type { Server } from 'node:net'
import { CollectorError } from '../errors.ts'

/** The part of a pino logger that receivers use. */
export interface ReceiverLog {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

export interface ReceiverDeps {
  log: ReceiverLog
  /** Calls the listener when the spool takes nothing more, at once if so, and when it does again; returns how to stop that. */
  onFullChange?: ((listener: (isFull: boolean) => void) => () => void) | undefined
}

export interface ListenAddress {
  host: string
  /** 0 lets the system choose. */
  port: number
}

/** Reads `host:port` or `[v6]:port`; throws RangeError when it is neither. */
export function parseListen(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3] ?? Number.NaN)
  if (match === null || !(port <= 65_535)) {
    throw new RangeError(`Cannot read listen address "${text}": expected host:port such as 0.0.0.0:5514 or [::]:5514`)
  }
  return { host: match[1] ?? match[2] ?? '', port }
}

/** The reverse of `parseListen`. */
export function formatListen({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

const PORTS_WITHOUT_PRIVILEGE = 1024

/** Turns a bind error into one that names the address and the remedy. */
export function listenError(error: unknown, address: ListenAddress, protocol: 'udp' | 'tcp'): CollectorError {
  const code = (error as NodeJS.ErrnoException).code
  const where = `${protocol} ${formatListen(address)}`
  return new CollectorError('LISTEN_FAILED', `Cannot listen on ${where}: ${listenRemedy(code, address, error)}`, { cause: error })
}

function listenRemedy(code: string | undefined, { host, port }: ListenAddress, error: unknown): string {
  if (code === 'EACCES' && port < PORTS_WITHOUT_PRIVILEGE) {
    return (
      `ports below ${PORTS_WITHOUT_PRIVILEGE} need privilege (EACCES). Either listen on a high port and publish ${port} to it ` +
      `(Docker: -p ${port}:${port === 514 ? 5514 : port + 5000}), or allow it with sysctl net.ipv4.ip_unprivileged_port_start=0 ` +
      `(Docker: --sysctl net.ipv4.ip_unprivileged_port_start=0)`
    )
  }
  if (code === 'EADDRINUSE') return `another process uses this address (EADDRINUSE); see "ss -lnp sport = :${port}" or choose another port`
  if (code === 'EADDRNOTAVAIL') return `this machine has no address ${host} (EADDRNOTAVAIL); use 0.0.0.0 or [::] for all addresses`
  return error instanceof Error ? error.message : String(error)
}

/** Binds a TCP server; rejects with LISTEN_FAILED. Resolves with the address it got. */
export function listenTcp(server: Server, address: ListenAddress, backlog = 1024): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(listenError(error, address, 'tcp'))
    server.once('error', fail)
    server.listen({ host: address.host, port: address.port, backlog }, () => {
      server.off('error', fail)
      const bound = server.address()
      resolve(bound !== null && typeof bound === 'object' ? { host: address.host, port: bound.port } : address)
    })
  })
}

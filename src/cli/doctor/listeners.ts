/** Listeners: bound by the running collector, or free to be bound; reachable; their certificates; what the kernel dropped. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { isLoopback, parseListen } from '../../config/listen.ts'
import type { Config } from '../../config/schema.ts'
import type { PipelineStatus } from '../../telemetry/status.ts'
import { checkEnvironment } from '../environment-check.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const CONNECT_TIMEOUT_MS = 2000

/** `running`: what the collector says, when there is one. */
export async function checkListeners(config: Config, running: PipelineStatus | undefined): Promise<Finding[]> {
  const checks = await checkEnvironment(config)
  const certificates = checks.filter(({ name }) => name.includes(': certificate ')).map(certificate)
  if (running === undefined) {
    const addresses = checks.filter(({ name }) => /: (udp|tcp) /.test(name))
    return [
      ...addresses.map(({ name, ok: isFree, detail }) =>
        isFree ? ok('port', `${name} can be had`) : fail('port', `${name}: ${detail}`, 'free the port, choose another, or allow it as said')
      ),
      ...certificates
    ]
  }
  const bound = await Promise.all(running.receivers.map(receiver => reachability(receiver)))
  return [...bound, ...running.receivers.flatMap(receiver => drops(receiver)), ...certificates]
}

function certificate({ name, ok: isGood, detail = '' }: { name: string; ok: boolean; detail?: string }): Finding {
  if (!isGood)
    return fail(
      'certificate',
      `${name}: ${detail}`,
      'put right the files that tls.cert_file and tls.key_file name; they are read again by themselves'
    )
  return detail.includes('renew it')
    ? warn('certificate', `${name}: ${detail}`, 'renew it; the files are read again by themselves')
    : ok('certificate', `${name}: ${detail}`)
}

type Receiver = PipelineStatus['receivers'][number]

async function reachability({ name, protocol, address, state, reason }: Receiver): Promise<Finding> {
  const what = `receiver ${name}`
  if (state !== 'listening')
    return fail(
      what,
      `${protocol} on ${address} is ${state}${reason === undefined ? '' : `: ${reason}`}`,
      'see the reason; sluice status and the log have more'
    )
  if (protocol === 'file' || protocol === 'syslog-udp' || !/:\d+$/.test(address)) return ok(what, `${protocol} on ${address} listens`)
  const { host, port } = parseListen(address)
  const at = host === '0.0.0.0' || host === '::' ? outerAddress() : host
  const failure = await tryConnect(at, port)
  if (failure !== undefined)
    return fail(
      what,
      `${protocol} on ${address} listens, but ${at} port ${port} cannot be reached from here: ${failure}`,
      'look at the firewall of this machine (nft list ruleset) and at the published ports of the container'
    )
  return isLoopback(at)
    ? warn(what, `${protocol} on ${address} listens for this machine only`, 'listen on 0.0.0.0 or on the address that appliances send to')
    : ok(what, `${protocol} on ${address} listens and is reached at ${at}`)
}

/** The address that appliances would use; loopback on a machine that has no other. */
function outerAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap(entries => entries ?? [])
  return addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1'
}

/** Undefined when it worked. Protocols that expect a greeting count it as a connection without a byte. */
async function tryConnect(host: string, port: number): Promise<string | undefined> {
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) })
    return undefined
  } catch (error) {
    return (error as Error).name === 'AbortError' ? 'no answer' : (error as Error).message
  } finally {
    socket.destroy()
  }
}

function drops({ name, counters }: Receiver): Finding[] {
  const dropped = counters.udp_kernel_dropped_datagrams_total ?? 0
  if (dropped === 0) return []
  return [
    warn(
      `receiver ${name}`,
      `the kernel dropped ${dropped} datagrams since the start`,
      'raise net.core.rmem_max and receive_buffer, or let the appliance send by TCP'
    )
  ]
}

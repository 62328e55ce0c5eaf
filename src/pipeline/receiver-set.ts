/**
 * The receivers that run. A new configuration restarts those that it changes, and no other: an unchanged one keeps its socket and
 * its connections.
 */
import { hostsOverlap, parseListen } from '../config/listen.ts'
import type { ReceiverListener } from '../config/receiver-listeners.ts'
import type { OpenIntake, Receiver, ReceiverStatus, TakeBlock } from '../contracts.ts'
import { tryBind } from '../lib/try-bind.ts'
import { listenError } from '../receivers/listen.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { ReceiverPlan } from './receivers.ts'

/** What a receiver that is replaced may take to hand over what it has. */
const REPLACE_DEADLINE_MS = 5000

interface Running {
  plan: ReceiverPlan
  receiver: Receiver
}

/** Where receivers bring what they receive. */
export interface ReceiverTarget {
  open: OpenIntake
  takeBlock: TakeBlock
}

/** The steps from the receivers of one configuration to those of the next, in the order of use. */
export interface ReceiverChange {
  isEmpty: boolean
  /** Rejects with LISTEN_FAILED when an address that is new cannot be had; nothing has changed then. */
  probe(): Promise<void>
  /** Stops what is not in the new configuration, or not so. */
  stopOld(): Promise<void>
  /** Starts what is new. Rejects with CollectorError at the first that cannot be; those before it run. */
  startNew(): Promise<void>
  /** Goes back to what ran before. */
  undo(): Promise<void>
}

export class ReceiverSet {
  readonly #log: Logger
  readonly #target: ReceiverTarget
  #running: Running[] = []
  /** Counters of receivers that were replaced, by name and protocol, so that sums go on. */
  readonly #ended = new Map<string, Record<string, number>>()

  constructor(target: ReceiverTarget, log: Logger) {
    this.#target = target
    this.#log = log
  }

  /** Rejects with CollectorError at the first that cannot be started. */
  async start(plans: readonly ReceiverPlan[]): Promise<void> {
    for (const plan of plans) await this.#start(plan)
  }

  async stop(deadline: AbortSignal): Promise<void> {
    await Promise.all(this.#running.map(({ receiver }) => receiver.stop(deadline)))
  }

  status(): ReceiverStatus[] {
    return this.#running.flatMap(({ receiver }) =>
      receiver.status().map(status => {
        const ended = this.#ended.get(keyOf(status))
        return ended === undefined ? status : { ...status, counters: sumOf(ended, status.counters) }
      })
    )
  }

  change(plans: readonly ReceiverPlan[]): ReceiverChange {
    const going = this.#running.filter(({ plan }) => !plans.some(({ print }) => print === plan.print))
    const coming = plans.filter(({ print }) => !this.#running.some(({ plan }) => plan.print === print))
    return {
      isEmpty: going.length === 0 && coming.length === 0,
      probe: () => probe(coming, going),
      stopOld: () => this.#retire(going),
      startNew: () => this.start(coming),
      undo: async () => {
        await this.#retire(this.#running.filter(({ plan }) => coming.includes(plan)))
        for (const { plan } of going)
          await this.#start(plan).catch(error =>
            this.#log.error({ err: error }, 'a receiver of the old configuration cannot be started again')
          )
      }
    }
  }

  /** A receiver that failed to start stays in the list, so that the status shows why. */
  async #start(plan: ReceiverPlan): Promise<void> {
    const receiver = await plan.create()
    this.#running.push({ plan, receiver })
    await receiver.start(
      (peer, framing) => this.#target.open(peer, framing),
      (block, senders) => this.#target.takeBlock(block, senders)
    )
    for (const { name, protocol, address, gauges } of receiver.status()) {
      const endsAt = gauges?.tls_certificate_expiry_timestamp_seconds
      const how = endsAt === undefined ? '' : `, TLS certificate until ${new Date(endsAt * 1000).toISOString()}`
      this.#log.info({ receiver: name, protocol, address }, `${workOf(protocol, address)}${how}`)
    }
  }

  async #retire(going: readonly Running[]): Promise<void> {
    const deadline = AbortSignal.timeout(REPLACE_DEADLINE_MS)
    await Promise.all(
      going.map(async ({ receiver }) => {
        await receiver.stop(deadline)
        for (const status of receiver.status()) {
          const { name, protocol, address, counters } = status
          this.#ended.set(keyOf(status), sumOf(this.#ended.get(keyOf(status)) ?? {}, counters))
          this.#log.info({ receiver: name, protocol, address }, `no longer ${workOf(protocol, address)}`)
        }
      })
    )
    this.#running = this.#running.filter(running => !going.includes(running))
  }
}

/** What a receiver does and where, as the log says it: pulls and folders have nothing that listens. */
function workOf(protocol: string, address: string): string {
  if (protocol === 'file') return `watching: ${protocol} in ${address}`
  const isPull = protocol === 's3' || protocol === 'azure-blob' || protocol === 'menlo'
  return isPull ? `pulling: ${protocol} from ${address}` : `listening: ${protocol} on ${address}`
}

const keyOf = ({ name, protocol }: ReceiverStatus): string => `${name} ${protocol}`

function sumOf(one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>): Record<string, number> {
  const sum = { ...one }
  for (const [name, count] of Object.entries(other)) sum[name] = (sum[name] ?? 0) + count
  return sum
}

/** Tries the addresses that no receiver that is about to stop holds. */
async function probe(coming: readonly ReceiverPlan[], going: readonly Running[]): Promise<void> {
  const held = going.flatMap(({ plan }) => plan.listeners)
  for (const listener of coming.flatMap(({ listeners }) => listeners)) {
    if (held.some(other => collides(other, listener))) continue
    const address = parseListen(listener.listen)
    await tryBind(listener.transport, address).catch(error => {
      throw listenError(error, address, listener.transport)
    })
  }
}

function collides(one: ReceiverListener, other: ReceiverListener): boolean {
  const [left, right] = [parseListen(one.listen), parseListen(other.listen)]
  return one.transport === other.transport && left.port === right.port && hostsOverlap(left.host, right.host)
}

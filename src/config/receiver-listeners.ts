/** The sockets that a receiver of the configuration binds, for the checks that no two want the same and that each can be had. */
import type { ReceiverConfig } from './receiver-schemas.ts'

export interface ReceiverListener {
  transport: 'udp' | 'tcp'
  /** host:port */
  listen: string
}

/** Types without `listen` (a folder, a pull) have none. */
export function listenersOf(receiver: ReceiverConfig): ReceiverListener[] {
  if (!('listen' in receiver)) return []
  const transports = 'protocols' in receiver ? receiver.protocols : (['tcp'] as const)
  return transports.map(transport => ({ transport, listen: receiver.listen }))
}

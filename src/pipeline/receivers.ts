/** Receivers by the configuration. A new type of receiver is one case here. */
import type { ReceiverConfig } from '../config/schema.ts'
import type { Receiver } from '../contracts.ts'
import { SyslogTcpReceiver } from '../receivers/syslog-tcp.ts'
import { SyslogUdpReceiver } from '../receivers/syslog-udp.ts'
import type { Logger } from '../telemetry/logger.ts'

export function createReceivers(configs: readonly ReceiverConfig[], log: Logger): Receiver[] {
  return configs.flatMap(config => {
    switch (config.type) {
      case 'syslog':
        return config.protocols.map(protocol => {
          const { name, listen, allow } = config
          if (protocol === 'udp') {
            return new SyslogUdpReceiver(
              { name, listen, allow, receiveBufferBytes: config.receive_buffer, maxSenders: config.max_senders },
              { log }
            )
          }
          const limits = { maxConnections: config.max_connections, maxConnectionsPerPeer: config.max_connections_per_peer }
          return new SyslogTcpReceiver({ name, listen, allow, ...limits, idleTimeoutMs: config.idle_timeout }, { log })
        })
    }
  })
}

/** The two ways to receive datagrams have the same shape; `syslog-udp.ts` chooses one and does what both need. */
import type { Intake, TakeBlock } from '../contracts.ts'
import type { ListenAddress, ReceiverLog } from './listen.ts'
import type { SyslogUdpOptions } from './syslog-udp.ts'

/** What a way asks of the receiver. */
export interface UdpHost {
  readonly name: string
  readonly options: SyslogUdpOptions
  readonly log: ReceiverLog
  readonly take: TakeBlock
  /** Opens the intake of a sender, by its plain address. */
  open(address: string): Intake
  /** Ends it; the receiver waits for it when it stops. */
  end(intake: Intake): void
  /** Nothing is received until the next call without a reason. */
  failed(reason: string | undefined): void
}

/** Monotonic, by their names in the metrics. */
export interface UdpCounts {
  received_datagrams_total: number
  received_bytes_total: number
  refused_total: number
  /** Datagrams of senders that send faster than they may. */
  rate_limited_total: number
  connection_errors_total: number
  /** Datagrams that were taken from the kernel and went with the thread that had them. */
  udp_lost_datagrams_total: number
  udp_thread_restarts_total: number
}

export interface BoundUdp {
  port: number
  /** Receive buffer that the kernel granted. */
  grantedBytes: number
  /** Sockets whose drops are the receiver's. */
  inodes: ReadonlySet<string>
}

export interface UdpWay {
  /** Binds and begins; rejects with an error that has the system's code. */
  start(address: ListenAddress): Promise<BoundUdp>
  /** Resolves when what the kernel still held is taken, or when the signal fires. Nothing is received afterwards. */
  drain(deadline: AbortSignal): Promise<void>
  /** Closes the socket and ends all intakes. */
  close(): Promise<void>
  readonly senders: number
  counts(): UdpCounts
}

/**
 * One RELP connection: each `syslog` frame goes to the intake, and is answered after a commit that covers it. When a commit
 * fails the connection is closed without an answer, and the sender keeps what was not answered and sends it again.
 */
import type { Socket } from 'node:net'
import type { Intake } from '../contracts.ts'
import type { Connections } from './connections.ts'
import { formatRelpFrame, parseRelpFrame, type RelpFrame, relpFrameBytes } from './relp-frame.ts'

/** Frames that wait for their answer; senders have windows of some hundred. */
const UNANSWERED_MAX = 10_000

/** Lack of room, the rate of the peer, or too many messages whose answer waits for a commit. */
export type PauseCause = 'paused' | 'limited' | 'commit'

export interface RelpSessionDeps {
  /** A sender that is silent for so long, and does not wait for us, is cut off; 0 never. */
  idleTimeoutMs: number
  openIntake: () => Intake
  /** Counters that all stream receivers have, and those of RELP. */
  shared: Pick<
    Connections['counters'],
    'received_bytes_total' | 'aborted_total' | 'commit_failed_total' | 'pauses_total' | 'empty_connections_total' | 'idle_closed_total'
  >
  own: { protocol_errors_total: number; answered_total: number }
  /** Resolves when the spool takes something again; undefined while it does. */
  room: () => Promise<void> | undefined
  /** Called with +1 when the socket is not read any more, and with -1 when it is again. */
  pausedBy: (change: 1 | -1, why: PauseCause) => void
  debug: (facts: object, message: string) => void
}

export class RelpSession {
  readonly finished: Promise<void>
  readonly #socket: Socket
  readonly #deps: RelpSessionDeps
  #intake: Intake | undefined
  /** Bytes that are not taken yet: a partial frame, or all frames while there is no room. */
  #held: Buffer = Buffer.alloc(0)
  /** What came behind `#held`. Joined when the frame at hand may be whole, or a frame in many small pieces would be copied for each. */
  #later: Buffer[] = []
  #laterBytes = 0
  #neededBytes = 0
  #isOpen = false
  #isPaused = false
  #isOver = false
  /** Transactions taken but not answered, oldest first. */
  #unanswered: number[] = []
  #commit: Promise<void> | undefined
  #finish: () => void = () => {}

  constructor(socket: Socket, deps: RelpSessionDeps) {
    this.#socket = socket
    this.#deps = deps
    this.finished = new Promise(resolve => {
      this.#finish = resolve
    })
    socket.on('data', chunk => this.#take(chunk))
    socket.on('error', () => {}) // counted where the raw socket was admitted; 'close' follows
    socket.once('close', () => void this.#closed())
    socket.on('timeout', () => this.#idle())
    socket.setTimeout(deps.idleTimeoutMs)
    socket.resume()
  }

  /** Takes nothing more, answers what is committed, says goodbye. */
  async stop(): Promise<void> {
    if (this.#isOver) return this.finished
    this.#isOver = true
    this.#socket.pause()
    await this.#answerAll()
    if (!this.#socket.destroyed) this.#socket.end(formatRelpFrame(0, 'serverclose'), () => this.#socket.destroy())
    await this.finished
  }

  #take(chunk: Buffer): void {
    this.#deps.shared.received_bytes_total += chunk.length
    this.#later.push(chunk)
    this.#laterBytes += chunk.length
    if (this.#held.length + this.#laterBytes >= this.#neededBytes) this.#work()
  }

  #join(): void {
    if (this.#later.length === 0) return
    this.#held = this.#held.length === 0 && this.#later.length === 1 ? this.#later[0]! : Buffer.concat([this.#held, ...this.#later])
    this.#later = []
    this.#laterBytes = 0
  }

  #work(): void {
    this.#join()
    let at = 0
    while (!this.#isPaused && !this.#isOver) {
      const frame = parseRelpFrame(this.#held, at)
      if (frame === 'incomplete') break
      if (frame === 'broken') {
        this.#fail('a frame cannot be read')
        break
      }
      const room = frame.command === 'syslog' ? this.#deps.room() : undefined
      if (room !== undefined) {
        void this.#pauseUntil(room, 'paused') // and the message stays here
        break
      }
      this.#handle(frame)
      at = frame.next
    }
    // A copy, so that some bytes of the next frame do not keep a whole chunk.
    this.#held = at < this.#held.length ? Buffer.from(this.#held.subarray(at)) : Buffer.alloc(0)
    this.#neededBytes = this.#held.length === 0 ? 0 : relpFrameBytes(this.#held)
    this.#startCommit()
  }

  #handle(frame: RelpFrame): void {
    if (frame.command === 'open' && !this.#isOpen) {
      this.#isOpen = true
      this.#socket.write(formatRelpFrame(frame.txnr, 'rsp', '200 OK\nrelp_version=0\nrelp_software=sluice\ncommands=syslog'))
    } else if (frame.command === 'syslog' && this.#isOpen) this.#takeMessage(frame)
    else if (frame.command === 'close') void this.#sayGoodbye(frame.txnr)
    else this.#fail(`command ${frame.command} is not expected here`)
  }

  #takeMessage(frame: RelpFrame): void {
    this.#intake ??= this.#deps.openIntake()
    this.#unanswered.push(frame.txnr)
    const room = this.#intake.accept(this.#held.subarray(frame.start, frame.end))
    if (room !== undefined) void this.#pauseUntil(room, this.#intake.debtMs() > 0 ? 'limited' : 'paused')
    else if (this.#unanswered.length > UNANSWERED_MAX) void this.#pauseUntil(this.#answerAll(), 'commit')
  }

  async #pauseUntil(room: Promise<void>, why: PauseCause): Promise<void> {
    this.#isPaused = true
    this.#socket.pause()
    if (why !== 'limited') this.#deps.shared.pauses_total++
    this.#deps.pausedBy(1, why)
    try {
      await room
    } catch {
      this.#socket.destroy()
    }
    this.#deps.pausedBy(-1, why)
    this.#isPaused = false
    if (this.#socket.destroyed || this.#isOver) return
    this.#work()
    if (this.#isPaused) return
    this.#socket.setTimeout(this.#deps.idleTimeoutMs) // until now it was we who did not read
    this.#socket.resume()
  }

  /** One commit at a time; frames that arrive meanwhile wait for the next. */
  #startCommit(): void {
    if (this.#commit !== undefined || this.#unanswered.length === 0 || this.#intake === undefined) return
    const covered = this.#unanswered
    this.#unanswered = []
    this.#commit = this.#intake.commit().then(
      () => {
        this.#commit = undefined
        if (!this.#socket.destroyed) this.#socket.write(covered.map(txnr => formatRelpFrame(txnr, 'rsp', '200 OK')).join(''))
        this.#deps.own.answered_total += covered.length
        this.#startCommit()
      },
      error => {
        this.#commit = undefined
        this.#unanswered = []
        this.#deps.shared.commit_failed_total++
        this.#deps.debug({ err: error }, 'a commit failed; the sender will send again')
        this.#socket.destroy()
      }
    )
  }

  async #answerAll(): Promise<void> {
    this.#startCommit()
    while (this.#commit !== undefined) await this.#commit
  }

  async #sayGoodbye(txnr: number): Promise<void> {
    this.#isOver = true
    await this.#answerAll()
    if (!this.#socket.destroyed) this.#socket.end(formatRelpFrame(txnr, 'rsp') + formatRelpFrame(0, 'serverclose'))
  }

  /** Who waits for room or for an answer is not idle; its time begins anew when it is read again, or with the answer that is written. */
  #idle(): void {
    if (this.#isPaused || this.#commit !== undefined) return
    this.#deps.shared.idle_closed_total++
    this.#socket.destroy()
  }

  #fail(why: string): void {
    this.#deps.own.protocol_errors_total++
    this.#deps.debug({ why }, 'RELP protocol error; connection closed')
    this.#isOver = true
    void this.#answerAll().then(() => this.#socket.destroy())
  }

  async #closed(): Promise<void> {
    this.#isOver = true
    const intake = this.#intake
    if (intake === undefined) {
      if (!this.#isOpen) this.#deps.shared.empty_connections_total++
    } else if (this.#held.length > 0) {
      // Frames are whole messages, so nothing partial is in the intake: the sender has no answer and will send them again.
      this.#deps.shared.aborted_total++
      intake.abort()
    } else {
      await intake.end().catch(() => {
        this.#deps.shared.commit_failed_total++
      })
    }
    this.#finish()
  }
}

/**
 * Which sockets of a receiver are read while there is no room behind them. The first one that finds none stops all: were each to
 * find it out by itself, ten thousand connections would bring ten thousand more reads, and memory for them. When there is room
 * they get their turns again, some at a time and the one that waited longest first, until there is none.
 */

/** Something that reads a socket. */
export interface SocketReader {
  startReading(): void
  stopReading(): void
}

/** Readers that start in one turn of the event loop: each may bring a read of 256 KiB before it is stopped. */
const STARTED_AT_A_TIME = 16

export class ReadGate {
  readonly #reading = new Set<SocketReader>()
  /** In the order of their turns. */
  readonly #held = new Set<SocketReader>()
  #room: Promise<void> | undefined
  #turn: NodeJS.Immediate | undefined

  /** Readers that wait for room, or for their turn since there is. */
  get held(): number {
    return this.#held.size
  }

  isHeld(reader: SocketReader): boolean {
    return this.#held.has(reader)
  }

  /** Resolves when there is room; undefined while there is. Never rejects. */
  get room(): Promise<void> | undefined {
    return this.#room
  }

  /** Starts a reader, now or when its turn comes. */
  enter(reader: SocketReader): void {
    if (this.#room === undefined && this.#held.size === 0) this.#start(reader)
    else {
      reader.stopReading()
      this.#held.add(reader)
    }
  }

  /** The reader is over, or stopped for a reason of its own. */
  leave(reader: SocketReader): void {
    this.#reading.delete(reader)
    this.#held.delete(reader)
  }

  /** Stops all readers until `room` settles; false when they are already. */
  close(room: Promise<void>): boolean {
    if (this.#room !== undefined) return false
    for (const reader of this.#reading) {
      reader.stopReading()
      this.#held.add(reader)
    }
    this.#reading.clear()
    const open = (): void => {
      this.#room = undefined
      this.#turn ??= setImmediate(() => this.#startSome())
    }
    this.#room = room.then(open, open)
    return true
  }

  #startSome(): void {
    this.#turn = undefined
    let left = STARTED_AT_A_TIME
    for (const reader of this.#held) {
      if (this.#room !== undefined) return // one that started found none
      if (left-- === 0) {
        this.#turn = setImmediate(() => this.#startSome())
        return
      }
      this.#held.delete(reader)
      this.#start(reader)
    }
  }

  #start(reader: SocketReader): void {
    this.#reading.add(reader)
    reader.startReading()
  }
}

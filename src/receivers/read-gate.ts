/**
 * Which sockets of a receiver are read when not all can be.
 *
 * No room behind them: each that finds none by a read is stopped, and after some MiB all are. Were each of them to find it out by itself,
 * ten thousand connections would bring ten thousand more reads, and memory for them. When it is known beforehand (`close`), nobody has to find out.
 *
 * More to read than there is time for: after some MiB in one turn of the event loop the rest waits for the next turns. Were a
 * thousand TLS connections read at once with all they have, a turn would take a second, and uploads, the disk and the page, which
 * get one step a turn, would hardly move.
 *
 * Those that wait get their turns some at a time, the one that waited longest first.
 */

/** Something that reads a socket. */
export interface SocketReader {
  startReading(): void
  stopReading(): void
  /** Nothing is read after `stopReading`, not even by Node on its own account, as of a stream. */
  readonly stopsAtOnce: boolean
}

/** Readers that do not stop at once and start in one turn of the event loop: each may bring a read of 256 KiB. */
const STARTED_AT_A_TIME = 16
/** Any readers that start in one turn. */
const STARTED_MAX = 512
/** What those that start in one turn are expected to bring. */
const STARTED_BYTES = 1024 * 1024
/** Taken after there was no room before all that may still read are stopped. */
const OVER_MAX_BYTES = 2 * 1024 * 1024
/** Read in one turn of the event loop at most, but for the read that goes over it: some milliseconds of TLS. */
const TURN_MAX_BYTES = 2 * 1024 * 1024
/** Less is not worth an immediate: it may be of several turns. */
const NOTICED_BYTES = 256 * 1024

export class ReadGate {
  readonly #reading = new Set<SocketReader>()
  /** In the order of their turns. */
  readonly #held = new Set<SocketReader>()
  #room: Promise<void> | undefined
  #overBytes = 0
  /** Set while something is to be done in the next turn of the event loop. */
  #nextTurn: NodeJS.Immediate | undefined
  #turnBytes = 0
  /** What a read has brought of late. */
  #readBytes = 64 * 1024
  /** Those that are held are so for want of room, not of time. */
  #lacksRoom = false

  /** Readers that wait for room, or for their turn since there is. */
  get waiting(): number {
    return this.#lacksRoom ? this.#held.size : 0
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

  /**
   * The reader has read so much and found no room until `room` settles. It is stopped; the others are when they read as well, or when that
   * becomes too much: to stop one that has nothing to read, and to start it again, costs as much as a read.
   */
  foundNoRoom(reader: SocketReader, bytes: number, room: Promise<void>): void {
    reader.stopReading()
    this.#reading.delete(reader)
    this.#held.add(reader)
    this.#tooMuch(bytes)
    this.#waitFor(room)
  }

  /** There is no room until `room` settles: all are stopped before they find out. */
  close(room: Promise<void>): void {
    this.#holdAll()
    this.#waitFor(room)
  }

  #waitFor(room: Promise<void>): void {
    if (this.#room !== undefined) return
    this.#lacksRoom = true
    const open = (): void => {
      this.#room = undefined
      this.#overBytes = 0
      this.#goOn()
    }
    this.#room = room.then(open, open)
  }

  /** A reader that was stopped keeps so much that it had read before. */
  held(bytes: number): void {
    if (this.#room !== undefined) this.#tooMuch(bytes)
  }

  /** A reader has read so much. */
  took(bytes: number): void {
    this.#turnBytes += bytes
    this.#readBytes += (bytes - this.#readBytes) / 32
    if (this.#turnBytes < NOTICED_BYTES) return
    this.#goOn()
    if (this.#turnBytes >= TURN_MAX_BYTES && this.#room === undefined) this.#holdAll()
  }

  /** So much was read for which there was no room. */
  #tooMuch(bytes: number): void {
    this.#overBytes += bytes
    if (this.#overBytes >= OVER_MAX_BYTES) this.#holdAll()
  }

  #holdAll(): void {
    for (const reader of this.#reading) {
      reader.stopReading()
      this.#held.add(reader)
    }
    this.#reading.clear()
  }

  #goOn(): void {
    this.#nextTurn ??= setImmediate(() => {
      this.#nextTurn = undefined
      this.#turnBytes = 0
      this.#startSome()
    })
  }

  #startSome(): void {
    let left = Math.min(STARTED_MAX, Math.max(STARTED_AT_A_TIME, Math.ceil(STARTED_BYTES / this.#readBytes)))
    let leftSlow = STARTED_AT_A_TIME
    for (const reader of this.#held) {
      if (this.#room !== undefined) return // one that started found none
      if (left-- === 0 || (!reader.stopsAtOnce && leftSlow-- === 0)) {
        this.#goOn()
        return
      }
      this.#held.delete(reader)
      this.#start(reader)
    }
    if (this.#room === undefined) this.#lacksRoom = false
  }

  #start(reader: SocketReader): void {
    this.#reading.add(reader)
    reader.startReading()
  }
}

/**
 * Hot path: once per row. A row of a Squid log in its native format, as it is most of the time, read by vector code in one call
 * (src/lib/simd/squid.ts). Its codes, methods and hierarchies must have been kept before with what they mean, which only the parser knows.
 */
import { isVectorMemory, laneFloats, laneInts, reserveLaneMemory, vectorCode } from '../../lib/lane-memory.ts'
import {
  HOST_AND_PORT,
  HOST_IS_NAME,
  SQUID_ADDRESS,
  SQUID_BYTES,
  SQUID_CLIENT,
  SQUID_CODE,
  SQUID_FOUND,
  SQUID_METHOD,
  SQUID_PEER,
  SQUID_SIZE,
  SQUID_TARGET,
  SQUID_TIME,
  SQUID_URL,
  SQUID_USER,
  URL_HOST,
  URL_HOST_END,
  URL_PATH_END,
  URL_QUERY
} from '../../lib/simd/program.ts'
import { DST_HOST, DST_IP, DST_PORT, type RecordFields, SRC_IP, type TextField, URL, USER } from '../../record.ts'
import { KnownWords } from '../values/known-words.ts'

const INT_BYTES = 4
const FLOAT_BYTES = 8
const found = reserveLaneMemory(SQUID_BYTES)
const floats = laneFloats(found, SQUID_CODE / FLOAT_BYTES)
const ints = laneInts(found, SQUID_BYTES / INT_BYTES)

export class SquidRow {
  readonly codes = new KnownWords()
  readonly methods = new KnownWords()
  /** Hierarchies, without what follows their slash. */
  readonly peers = new KnownWords()

  /** True when the row is such a one: all that is below is then of it, and its texts are as they should be in a record. */
  read(buf: Uint8Array, start: number, end: number): boolean {
    const { codes, methods, peers } = this
    return isVectorMemory(buf) && vectorCode!.squidRow(start, end, codes.address, methods.address, peers.address, found) !== 0
  }

  /** Milliseconds. */
  get time(): number {
    return floats[SQUID_TIME / FLOAT_BYTES]!
  }

  /** What the client got, bytes. */
  get size(): number {
    return floats[SQUID_SIZE / FLOAT_BYTES]!
  }

  get code(): number {
    return ints[SQUID_CODE / INT_BYTES]!
  }

  get method(): number {
    return ints[SQUID_METHOD / INT_BYTES]!
  }

  get peer(): number {
    return ints[SQUID_PEER / INT_BYTES]!
  }

  /** The target is the `host:port` of a CONNECT, not a URL. */
  get isTunnel(): boolean {
    return ints[SQUID_TARGET / INT_BYTES] === HOST_AND_PORT
  }

  /** Where the path of the URL starts. */
  get path(): number {
    return ints[(SQUID_FOUND + URL_HOST_END) / INT_BYTES]!
  }

  /**
   * Sets client, user and target; the peer's address when it is the server's. The record is final then: of what it lacks the caller may set
   * `time`, `size` and an action, nothing else.
   */
  setTexts(out: RecordFields, isServer: boolean): void {
    setRange(out, SRC_IP, SQUID_CLIENT)
    setRange(out, USER, SQUID_USER)
    if (isServer) setRange(out, DST_IP, SQUID_ADDRESS)
    if (this.isTunnel) {
      setText(out, DST_HOST, ints[SQUID_URL / INT_BYTES]!, this.path)
      const port = ints[(SQUID_FOUND + URL_HOST) / INT_BYTES]!
      if (port >= 1 && port <= 65_535) out.numbers[DST_PORT] = port
    } else {
      setText(out, URL, ints[SQUID_URL / INT_BYTES]!, ints[(SQUID_FOUND + URL_PATH_END) / INT_BYTES]!)
      out.urlQuery = ints[(SQUID_FOUND + URL_QUERY) / INT_BYTES]!
      const isName = ints[SQUID_TARGET / INT_BYTES] === HOST_IS_NAME
      if (isName || out.start[DST_IP]! < 0) setText(out, isName ? DST_HOST : DST_IP, ints[(SQUID_FOUND + URL_HOST) / INT_BYTES]!, this.path)
    }
    out.isFinal = true
  }
}

function setRange(out: RecordFields, field: TextField, at: number): void {
  setText(out, field, ints[at / INT_BYTES]!, ints[at / INT_BYTES + 1]!)
}

function setText(out: RecordFields, field: TextField, start: number, end: number): void {
  out.start[field] = start
  out.end[field] = end
}

/**
 * The words that logs of all kinds use for the fields of a record: for headers of CSV files and keys of `key=value` lines that no
 * parser knows. Case, `_`, `-`, `.` and blanks do not matter: `Source IP`, `src_ip` and `srcIp` are one word.
 *
 * `sent`, `out` and `request` are taken for client to server, as firewalls and proxies use them.
 */
import type { Frame } from '../contracts.ts'
import { type RecordFields, TIME } from '../record.ts'
import { action, anyTime, count, raw, text } from './field.ts'
import type { FieldTable } from './field-table.ts'
import { readRowTime, W3cState } from './grammar/w3c.ts'
import { KeyTable } from './values/key-table.ts'
import type { Value } from './values/line.ts'
import { readAnyTime } from './values/time.ts'
import { isOtherTransport, setScheme } from './values/words.ts'

/** Rows of a field table for the words' meanings. */
export const COMMON_FIELDS = {
  time: anyTime(),
  date: raw(),
  src: text('srcIp'),
  user: text('user'),
  device: text('device'),
  dst: text('dstIp'),
  port: count('dstPort'),
  host: text('dstHost'),
  url: text('url'),
  up: count('uploadedBytes'),
  down: count('downloadedBytes'),
  total: count('totalBytes'),
  action: action({ close: 'allowed', start: null, alert: null, detected: null }),
  transport: raw(),
  app: raw()
} as const

export type CommonName = keyof typeof COMMON_FIELDS

const WORDS: Record<CommonName, string> = {
  time: 'time timestamp datetime eventtime eventtimestamp generatedtime generatetime timegenerated receivetime receivedtime logtime logtimestamp starttime endtime requesttime requesttimestamp accesstime rt devtime utctime timestamputc timeutc dateandtime',
  date: 'date logdate eventdate',
  src: 'src srcip sourceip source sourceaddress srcaddress srcaddr sourceipaddress srcipaddress srcipaddr clientip clientaddress clientipaddress client cip userip internalip localip insideip saddr fromip',
  user: 'user username srcuser srcusername sourceuser sourceusername login loginname useremail userprincipalname upn suser usrname clientuser csusername account accountname userid',
  device:
    'device devicename computer computername machine machinename workstation clienthostname clientname srchost srchostname sourcehost sourcehostname shost',
  dst: 'dst dstip destinationip destination destinationaddress dstaddress dstaddr destaddress destip dest destinationipaddress destipaddress dstipaddress dstipaddr serverip serveraddress serveripaddress remoteip remoteaddress targetip sip daddr toip',
  port: 'dstport dport destport destinationport serverport remoteport targetport dpt port',
  host: 'host hostname dsthost dsthostname desthost desthostname dstname destinationhost destinationhostname destinationname dstdomain destdomain destinationdomain domain domainname fqdn urlhost urldomain website sitename servername sni cshost',
  url: 'url dsturl desturl destinationurl request requesturl uri requesturi fullurl urlfull csuri urladdress',
  up: 'up upload uploaded uploadedbytes uploadbytes bytesuploaded bytessent sentbytes sentbyte sent bytesout outbytes out requestsize reqsize requestbytes csbytes srcbytes sourcebytes txbytes bytestx clientbytes bytesup bytestoserver',
  down: 'down download downloaded downloadedbytes downloadbytes bytesdownloaded bytesreceived receivedbytes received rcvdbytes rcvdbyte rcvd recvbytes bytesin inbytes in responsesize respsize responsebytes scbytes dstbytes destinationbytes destbytes rxbytes bytesrx serverbytes bytesdown bytestoclient',
  total: 'total totalbytes bytes bytestotal totalsize transactionsize networkbytes size',
  action: 'action act verdict decision disposition policyaction deviceaction dvcaction',
  transport: 'proto protocol ipprotocol transport transportprotocol',
  app: 'app application service scheme appproto'
}

const NAMES = Object.keys(WORDS) as CommonName[]
const spelled = NAMES.flatMap((name, meaning) => WORDS[name].split(' ').map(word => ({ word, meaning })))
const table = new KeyTable(spelled.map(({ word }) => word))
const meanings = spelled.map(({ meaning }) => meaning)
const NAME_MAX_BYTES = 32
const plain = new Uint8Array(NAME_MAX_BYTES)

/** Index in the keys of `COMMON_FIELDS` of what a word means, or -1. */
export function meaningOf(buf: Uint8Array, start: number, end: number): number {
  let length = 0
  for (let at = start; at < end; at++) {
    const byte = buf[at]!
    if (byte === 0x5f || byte === 0x2d || byte === 0x2e || byte === 0x20 || byte === 0x40) continue
    if (length === NAME_MAX_BYTES) return -1
    plain[length++] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
  }
  const index = length === 0 ? -1 : table.indexOf(plain, 0, length)
  return index < 0 ? -1 : meanings[index]!
}

/** The names by index, as `meaningOf` counts. */
export const commonName = (meaning: number): CommonName => NAMES[meaning]!

/** True when a client, a server and a time are among the meanings: what a line needs to be a transaction. */
export function isTransaction(has: (name: CommonName) => boolean): boolean {
  return has('src') && (has('dst') || has('host') || has('url')) && (has('time') || has('date'))
}

const NO_DIRECTIVES = new W3cState()

/** Fills the record from the values; false when the transport is neither TCP nor UDP. */
export function applyCommon(fields: FieldTable<CommonName>, frame: Frame, out: RecordFields): boolean {
  const { v } = fields
  if (isOtherTransport(v.transport)) return false
  fields.apply(frame, out)
  if (v.date.present) readDate(v.date, v.time, frame, out)
  setScheme(v.transport, out)
  setScheme(v.app, out)
  return true
}

/** A date and a clock in two values; or the whole time under the word for a date. */
function readDate(date: Value, clock: Value, frame: Frame, out: RecordFields): void {
  if (!Number.isNaN(out.numbers[TIME])) return
  if (clock.present) out.numbers[TIME] = readRowTime(frame, NO_DIRECTIVES, date, clock, frame.zone)
  else out.numbers[TIME] = readAnyTime(frame.buf, date.start, date.end, frame.zone, frame.now)
}

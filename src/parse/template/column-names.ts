/**
 * Names that CSV logs give their columns, by what they hold; compared without case, blanks and signs. Names whose meaning differs
 * between products (`in` and `out`, `s-ip`, `device`) are left out: a mapping says those.
 */
import { action, anyTime, count, type Field, raw, text } from '../field.ts'

const words = (field: Field, names: string): [string, Field][] => names.split(/\s+/).map(name => [name, field])

/** In order of preference: of two columns for one property the name that stands first here wins. */
export const COLUMN_NAMES: ReadonlyMap<string, Field> = new Map([
  ...words(
    anyTime(),
    'timestamp datetime dateandtime eventtime logtime requesttime receivetime receivedtime generatedtime timegenerated epochtime epoch unixtime utctime eventdate starttime'
  ),
  ...words(raw(), 'date logdate day time clock timeofday'),
  ...words(
    text('srcIp'),
    'srcip sourceip sourceipaddress sourceaddress srcaddress srcaddr clientip clientipaddress clientaddress cip clientsourceip userip internalip src source client ipaddress'
  ),
  ...words(
    text('user'),
    'user username userid login loginname accountname account suser srcuser sourceuser sourceusername clientuser clientusername csusername authenticateduser authuser userprincipalname upn useremail'
  ),
  ...words(
    text('device'),
    'devicehostname clienthostname clienthost clientname sourcehost sourcehostname srchost srchostname computer computername workstation machinename'
  ),
  ...words(
    text('dstIp'),
    'dstip destinationip destip destinationipaddress destinationaddress destaddress dstaddress dstaddr serverip serveripaddress serveraddress remoteip rip dst'
  ),
  ...words(count('dstPort'), 'dstport destinationport destport dport serverport remoteport rport'),
  ...words(
    text('dstHost'),
    'dsthost destinationhost desthost dsthostname destinationhostname destinationdomain serverhost servername cshost fqdn sni host hostname domain website site destination'
  ),
  ...words(text('url'), 'url fullurl requesturl requestedurl destinationurl dsturl urlrequested csuri csurl curi uri requesturi'),
  ...words(
    count('uploadedBytes'),
    'uploadedbytes bytesuploaded uploadbytes upload bytessent sentbytes sent requestsize reqsize requestbytes csbytes bytestoserver bytesfromclient'
  ),
  ...words(
    count('downloadedBytes'),
    'downloadedbytes bytesdownloaded downloadbytes download bytesreceived receivedbytes received rcvdbytes responsesize respsize responsebytes scbytes bytestoclient bytesfromserver'
  ),
  ...words(count('totalBytes'), 'totalbytes bytestotal totalsize transactionsize bytes'),
  ...words(action(), 'action act verdict decision disposition filterresult'),
  ...words(raw(), 'protocol proto scheme urischeme appproto')
])

export const DATES = ['date', 'logdate', 'day']
export const CLOCKS = ['time', 'clock', 'timeofday']
export const SCHEMES = ['protocol', 'proto', 'scheme', 'urischeme', 'appproto']

/** A name as it stands in COLUMN_NAMES; empty for a name without ASCII letters. */
export const plainName = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '')

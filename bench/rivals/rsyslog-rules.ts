/** How rsyslog is told to read each kind of line: a liblognorm rule, and the CEF keys that are written from its fields. */
import type { LineKind } from '../lines.ts'

export interface RsyslogTask {
  /** A liblognorm rule, version 2. */
  rule: string
  /** A field that only lines of this kind have. */
  marker: string
  /** rsyslog properties by CEF key. */
  fields: Readonly<Record<string, string>>
}

const QUOTED = new Set(
  'devname devid tz logid type subtype level vd srcname srcintf srcintfrole dstintf dstintfrole srccountry dstcountry action policytype poluuid policyname user group authserver service trandisp app appcat apprisk applist hostname utmaction'.split(
    ' '
  )
)
const FIELDS =
  'date time devname devid eventtime tz logid type subtype level vd srcip srcname srcport srcintf srcintfrole dstip dstport dstintf dstintfrole srccountry dstcountry sessionid proto action policyid policytype poluuid policyname user group authserver service trandisp transip transport appid app appcat apprisk applist duration sentbyte rcvdbyte sentpkt rcvdpkt hostname utmaction'.split(
    ' '
  )
const field = (key: string): string => `${key}=%${key}:${QUOTED.has(key) ? 'string{"quoting.mode":"required"}' : 'word'}%`
const skipTo = (key: string): string => `%-:string-to{"extradata":"${key}="}%`

const FORTIGATE_FIELDS = {
  rt: '$!eventtime',
  src: '$!srcip',
  suser: '$!user',
  shost: '$!srcname',
  dst: '$!dstip',
  dpt: '$!dstport',
  dhost: '$!hostname',
  in: '$!rcvdbyte',
  out: '$!sentbyte',
  act: '$!action'
}

/** Columns of a PAN-OS TRAFFIC row that are wanted, by place. */
const PALO_ALTO: Readonly<Record<number, string>> = {
  0: 'first',
  6: 'generated',
  7: 'src',
  8: 'dst',
  12: 'user',
  25: 'dport',
  30: 'action',
  32: 'sent',
  33: 'received'
}
const paloAltoRow = Array.from({ length: 47 }, (_, column) => `%${PALO_ALTO[column] ?? '-'}:char-sep:,%`).join(',')

const LEEF_FIELDS =
  'cat devTime devTimeFormat src dst srcPostNAT realm usrName srcBytes dstBytes role policy url recordid bwthrottle useragent referer hostname appproto urlcategory urlsupercategory urlclass appclass appname malwaretype malwareclass threatname riskscore dlpdict dlpeng fileclass filetype reqmethod'.split(
    ' '
  )

const STAMP = '%-:date-rfc3164%'

export const RSYSLOG_TASKS: Readonly<Record<LineKind | 'fortinet-fortigate-wanted', RsyslogTask>> = {
  // Every field, as Sluice looks at every field; liblognorm knows no key=value list with quotes, so the order is fixed.
  'fortinet-fortigate': {
    rule: `<%pri:number%>${FIELDS.map(field).join(' ')} countapp=%countapp:word%`,
    marker: 'eventtime',
    fields: FORTIGATE_FIELDS
  },
  // Only the fields that the CEF line has, the others jumped over: faster, and wrong as soon as a value holds ` user=`.
  'fortinet-fortigate-wanted': {
    rule: `<%pri:number%>${FIELDS.slice(0, 18).map(field).join(' ')} ${['action', 'user', 'sentbyte'].map(key => skipTo(key) + field(key)).join(' ')} ${field('rcvdbyte')} ${skipTo('hostname')}${field('hostname')}%-:rest%`,
    marker: 'eventtime',
    fields: FORTIGATE_FIELDS
  },
  paloalto: {
    rule: `<%pri:number%>${STAMP} %-:word% ${paloAltoRow}%-:rest%`,
    marker: 'generated',
    fields: {
      rt: '$!generated',
      src: '$!src',
      suser: '$!user',
      dst: '$!dst',
      dpt: '$!dport',
      in: '$!received',
      out: '$!sent',
      act: '$!action'
    }
  },
  // Every field by its place: liblognorm's list of pairs ends a value at a blank.
  'zscaler-leef': {
    rule: `${STAMP} zscaler-nss: LEEF:%-:char-to:|%|%-:char-to:|%|%-:char-to:|%|%-:char-to:|%|%-:char-to:|%|${LEEF_FIELDS.map(key => `${key}=%${key}:char-sep{"extradata":"\\t"}%`).join('\t')}\trespcode=%respcode:rest%`,
    marker: 'devTime',
    fields: {
      rt: '$!devTime',
      src: '$!src',
      suser: '$!usrName',
      dst: '$!dst',
      dhost: '$!hostname',
      in: '$!dstBytes',
      out: '$!srcBytes',
      act: '$!cat',
      request: '$!url'
    }
  },
  cef: {
    rule: `<%pri:number%>${STAMP} %-:word% %cef:cef%`,
    marker: 'cef!DeviceVendor',
    fields: {
      rt: '$!cef!Extensions!rt',
      src: '$!cef!Extensions!src',
      suser: '$!cef!Extensions!suser',
      dst: '$!cef!Extensions!dst',
      dpt: '$!cef!Extensions!dpt',
      dhost: '$!cef!Extensions!dhost',
      in: '$!cef!Extensions!in',
      out: '$!cef!Extensions!out',
      act: '$!cef!Extensions!act',
      request: '$!cef!Extensions!request'
    }
  },
  'squid-native': {
    rule: '%epoch:char-to:.%.%-:number%%-:whitespace%%-:number% %client:word% %result:word% %size:number% %method:word% %url:word% %user:word% %-:char-to:/%/%server:word% %type:word%',
    marker: 'epoch',
    fields: {
      rt: '$!epoch',
      src: '$!client',
      suser: '$!user',
      dst: '$!server',
      in: '$!size',
      act: '$!result',
      request: '$!url'
    }
  },
  'zscaler-json': {
    rule: '%json:json%',
    marker: 'json!event!epochtime',
    fields: {
      rt: '$!json!event!epochtime',
      src: '$!json!event!ClientIP',
      suser: '$!json!event!user',
      shost: '$!json!event!devicehostname',
      dst: '$!json!event!serverip',
      dhost: '$!json!event!hostname',
      in: '$!json!event!responsesize',
      out: '$!json!event!requestsize',
      act: '$!json!event!action',
      request: '$!json!event!url'
    }
  }
}

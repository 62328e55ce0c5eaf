/**
 * What a line of each upload format must look like, and where its time and its destination are. Strict on purpose: the service's
 * own parsers are not public, so the local tenant takes only what every reading of the formats allows.
 */
import { isIP } from 'node:net'
import { CUSTOM_PARSER } from '../lib/source-strings.ts'
import { isPublicAddress } from './address.ts'

/** One line, judged. */
export interface LineFacts {
  /** `header` lines carry no transaction. */
  kind: 'record' | 'header' | 'mismatch'
  /** Why it does not match. */
  detail?: string
  /** Event time in ms; NaN when it cannot be read. */
  time?: number
  /** The destination lies outside: a host name, a URL, or a public address. */
  outbound?: boolean
}

/** Judges the lines of one file in order. */
export type LineJudge = (line: string) => LineFacts

const HEADER: LineFacts = { kind: 'header' }
const mismatch = (detail: string): LineFacts => ({ kind: 'mismatch', detail })
const record = (time: number, ...destinations: (string | undefined)[]): LineFacts => ({
  kind: 'record',
  time,
  outbound: destinations.some(isOutside)
})

/**
 * Judge for a source string; undefined for formats that only the appliance's maker knows, whose lines go unchecked.
 * With `_SYSLOG` a syslog header may precede the line.
 */
export function lineJudge(sourceString: string): LineJudge | undefined {
  const syslog = sourceString.endsWith('_SYSLOG')
  const base = syslog ? sourceString.slice(0, -'_SYSLOG'.length) : sourceString
  if (base === 'GENERIC_CEF' || base.endsWith('_CEF')) return line => cefLine(line, syslog)
  if (base === 'GENERIC_LEEF' || base.endsWith('_LEEF')) return line => leefLine(line, syslog)
  if (base === 'GENERIC_W3C' || base === 'BLUECOAT' || base === 'MICROSOFT_ISA_W3C') return syslog ? undefined : w3cJudge()
  if (base === CUSTOM_PARSER) return csvJudge()
  return undefined
}

/** Longest syslog header in front of `CEF:` or `LEEF:`. */
const SYSLOG_HEADER_MAX_CHARS = 300

function bodyOf(line: string, marker: string, syslog: boolean): string | undefined {
  const at = line.slice(0, SYSLOG_HEADER_MAX_CHARS).indexOf(marker)
  return at === 0 || (syslog && at > 0) ? line.slice(at) : undefined
}

function cefLine(line: string, syslog: boolean): LineFacts {
  const body = bodyOf(line, 'CEF:0|', syslog)
  if (body === undefined) return mismatch('the line does not start with CEF:0|')
  const header = /^(?:(?:[^|\\]|\\.)*\|){7}/.exec(body)
  if (!header) return mismatch('the CEF header has fewer than seven fields')
  const extension = body.slice(header[0].length)
  if (cefValue(extension, 'src') === undefined) return mismatch('the line has no src')
  const time = cefValue(extension, 'rt') ?? cefValue(extension, 'end') ?? cefValue(extension, 'start') ?? ''
  return record(readTime(time), cefValue(extension, 'request'), cefValue(extension, 'dhost'), cefValue(extension, 'dst'))
}

/** Value of a key in a CEF extension; it runs to the next ` key=`. */
function cefValue(extension: string, key: string): string | undefined {
  let at = extension.startsWith(`${key}=`) ? 0 : extension.indexOf(` ${key}=`) + 1
  if (at === 0 && !extension.startsWith(`${key}=`)) return undefined
  at += key.length + 1
  const next = /\s[A-Za-z0-9_.]+=/.exec(extension.slice(at))
  return extension.slice(at, next ? at + next.index : extension.length).trim()
}

function leefLine(line: string, syslog: boolean): LineFacts {
  const body = bodyOf(line, 'LEEF:', syslog)
  if (body === undefined) return mismatch('the line does not start with LEEF:')
  const header = /^LEEF:1\.0\|(?:[^|]*\|){4}/.exec(body) ?? /^LEEF:2\.0\|(?:[^|]*\|){5}/.exec(body)
  if (!header) return mismatch('the LEEF header is not that of version 1.0 or 2.0')
  const fields = new Map<string, string>()
  for (const pair of body.slice(header[0].length).split('\t')) {
    const equals = pair.indexOf('=')
    if (equals > 0) fields.set(pair.slice(0, equals), pair.slice(equals + 1))
  }
  if (!fields.has('src')) return mismatch('the line has no src')
  return record(readTime(fields.get('devTime') ?? ''), fields.get('url'), fields.get('hostname'), fields.get('dst'))
}

function w3cJudge(): LineJudge {
  let columns: string[] | undefined
  return line => {
    if (line.startsWith('#')) {
      if (line.startsWith('#Fields:')) columns = line.slice('#Fields:'.length).trim().split(/\s+/)
      return HEADER
    }
    if (!columns) return mismatch('there is no #Fields line before the first record')
    const values = w3cValues(line)
    if (values.length !== columns.length) return mismatch(`the line has ${values.length} values, #Fields names ${columns.length}`)
    const value = (...names: string[]): string | undefined => {
      for (const name of names) {
        const index = columns!.indexOf(name)
        if (index >= 0 && values[index] !== '-') return values[index]
      }
      return undefined
    }
    return record(Date.parse(`${value('date')}T${value('time')}Z`), value('cs-uri'), value('cs-host', 'cs-uri-host'), value('r-ip', 's-ip'))
  }
}

/** Values are separated by spaces or tabs and may be quoted. */
const w3cValues = (line: string): string[] => line.match(/"(?:[^"]|"")*"|\S+/g) ?? []

/** Columns that the custom parser needs (cloud-discovery: without them files are not processed). */
const CSV_NEEDED = ['timestamp', 'src_ip']

function csvJudge(): LineJudge {
  let columns: string[] | undefined
  return line => {
    const values = csvValues(line)
    if (!columns) {
      const missing = CSV_NEEDED.filter(name => !values.includes(name))
      if (missing.length > 0) return mismatch(`the header row lacks ${missing.join(', ')}`)
      columns = values
      return HEADER
    }
    if (values.length !== columns.length) return mismatch(`the line has ${values.length} columns, the header row ${columns.length}`)
    const value = (name: string): string | undefined => values[columns!.indexOf(name)]
    return record(Date.parse(`${value('timestamp')?.replace(' ', 'T')}Z`), value('dst_url'), value('dst_ip'))
  }
}

function csvValues(line: string): string[] {
  const values: string[] = []
  for (const match of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)) values.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '')
  return values
}

/** Epoch milliseconds, or a date as CEF and LEEF write it; UTC when it names no zone. */
function readTime(text: string): number {
  if (/^\d{10,16}$/.test(text)) return Number(text)
  const time = Date.parse(text)
  return Number.isNaN(time) || /[A-Z]{3,4}$|Z$|[+-]\d\d:?\d\d$/.test(text) ? time : Date.parse(`${text} UTC`)
}

function isOutside(destination: string | undefined): boolean {
  if (destination === undefined || destination === '' || destination === '-' || destination === 'NA' || destination === 'None') return false
  const host = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(destination)?.[1] ?? destination.split('/')[0]!
  const name = host.replace(/^\[([^\]]*)\].*$/, '$1').replace(/^([^:]*):\d+$/, '$1')
  if (isIP(name) !== 0) return isPublicAddress(name)
  return name.includes('.')
}

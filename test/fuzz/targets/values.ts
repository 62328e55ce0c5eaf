/** Readers of single values: times, addresses, hosts, URLs. */
import { isIP, isIPv4 } from 'node:net'
import { canonicalIp, isCanonicalIpv4, readIpv4 } from '../../../src/lib/ip.ts'
import { DatePattern } from '../../../src/parse/template/date-pattern.ts'
import { readAnyTime, readClfTime, readEpoch, readIsoTime, readMonthTime } from '../../../src/parse/values/time.ts'
import { namedZone } from '../../../src/parse/values/zone.ts'
import { noCorrections } from '../../../src/process/corrections.ts'
import { finalize } from '../../../src/process/finalize.ts'
import { canonicalHost } from '../../../src/process/host.ts'
import { URL_MAX_BYTES } from '../../../src/process/url.ts'
import { DST_HOST, RecordFields, SRC_IP, TIME, URL as URL_FIELD, USER } from '../../../src/record.ts'
import { FIXTURE_NOW, fixtures } from '../../parse/fixtures.ts'
import { type FuzzTarget, same } from '../target.ts'

const zone = namedZone('Europe/Berlin')
const texts =
  (...list: string[]) =>
  (): Buffer[] =>
    list.map(text => Buffer.from(text))

/** The bytes with a line feed behind them, as every value in a frame has. */
function lineOf(input: Buffer): Buffer {
  return Buffer.concat([input, Buffer.from('\n')])
}

function isTime(what: string, time: number): void {
  if (Number.isNaN(time) || time === -1) return
  if (!Number.isFinite(time) || Math.abs(time) > 8.64e15) throw new Error(`${what} read ${time}`)
}

const times: FuzzTarget = {
  name: 'values-time',
  maxBytes: 2000,
  tokens: ['T', 'Z', '+01:00', '.999999999', ' PM', 'GMT', '24:00:00', '60', '29 Feb ', '1767604530', 'Sept'],
  seeds: texts(
    '2026-01-05T09:15:31.004Z',
    '2026-01-05 09:15:31,004 +0100',
    '20260105T091531',
    'Jan  5 09:15:31',
    'Mon Jan  5 09:15:31 2026',
    'Jan 05 2026 09:15:31 GMT+02:00',
    '05/Jan/2026:09:15:31 +0000',
    '1767604530',
    '1767604530.250',
    '1767604530250000000',
    '5 Jan 2026, 9:15:31 PM CET'
  ),
  check(input) {
    const buf = lineOf(input)
    const end = input.length
    isTime('readAnyTime', readAnyTime(buf, 0, end, zone, FIXTURE_NOW))
    isTime('readIsoTime', readIsoTime(buf, 0, end, zone))
    isTime('readMonthTime', readMonthTime(buf, 0, end, zone, FIXTURE_NOW))
    isTime('readClfTime', readClfTime(buf, 0, end, zone))
    isTime('readEpoch', readEpoch(buf, 0, end))
  }
}

const datePatterns: FuzzTarget = {
  name: 'values-date-pattern',
  maxBytes: 2000,
  tokens: ['yyyy', 'MMM', 'dd', 'HH', 'hh', 'a', 'ss', 'SSS', 'Z', "'T'", "''", 'EEE', '[', ']', '\0'],
  seeds: texts(
    "yyyy-MM-dd'T'HH:mm:ss.SSSZ\x002026-01-05T09:15:31.004+0100",
    'dd/MMM/yyyy HH:mm:ss\x0005/Jan/2026 09:15:31',
    'MM/dd/yy hh:mm:ss a\x0001/05/26 09:15:31 PM'
  ),
  check(input) {
    const border = Math.max(0, input.indexOf(0))
    let pattern: DatePattern
    try {
      pattern = new DatePattern(input.toString('utf8', 0, border))
    } catch (error) {
      if (error instanceof SyntaxError) return
      throw error
    }
    const buf = lineOf(input.subarray(border + 1))
    isTime('DatePattern', pattern.read(buf, 0, buf.length - 1, zone, FIXTURE_NOW))
  }
}

const addresses: FuzzTarget = {
  name: 'values-ip',
  maxBytes: 300,
  tokens: ['::', '::ffff:', '.0', '.255', '.256', '.01', '%eth0', '/24', '[', ']', '0x7f'],
  seeds: texts('192.0.2.1', '255.255.255.255', '2001:db8::1', '::ffff:192.0.2.1', 'fe80::1%eth0', '::', '[2001:DB8:0:0::1]', '0.0.0.0'),
  check(input) {
    const text = input.toString('latin1')
    const buf = lineOf(input)
    const plain = isCanonicalIpv4(buf, 0, input.length)
    if (plain && !isIPv4(text)) throw new Error(`${JSON.stringify(text)} is no IPv4 address`)
    if (!plain && isIPv4(text)) throw new Error(`${JSON.stringify(text)} is an IPv4 address`)
    if (plain && readIpv4(buf, 0, input.length) < 0) throw new Error(`${JSON.stringify(text)} cannot be read`)
    const canonical = canonicalIp(text)
    if (canonical === undefined) return
    if (isIP(canonical) === 0) throw new Error(`${JSON.stringify(text)} became ${canonical}`)
    same('the canonical form of a canonical form', canonicalIp(canonical), canonical)
  }
}

/** URL, host, user and addresses of a record as finalize leaves them; once more must change nothing. */
function finalized(values: readonly (readonly [field: typeof URL_FIELD | typeof DST_HOST | typeof USER, bytes: Buffer])[]) {
  const buf = Buffer.alloc(256 * 1024)
  let at = 0
  const record = new RecordFields()
  const ranges = values.map(([field, bytes]) => {
    bytes.copy(buf, at)
    const range = [field, at, at + bytes.length] as const
    at += bytes.length + 1
    buf[at - 1] = 0x0a
    return range
  })
  record.reset(buf, 192 * 1024, buf.length)
  for (const [field, start, end] of ranges) record.set(field, start, end)
  record.setText(SRC_IP, '192.0.2.1')
  record.numbers[TIME] = FIXTURE_NOW
  finalize(record, noCorrections())
  return record
}

const urls: FuzzTarget = {
  name: 'values-url',
  maxBytes: 20_000,
  tokens: ['http://', 'https://', '://', '@', ':443', ':99999', '/', '?', '#', '%2f', '%', '..', 'xn--', '[::1]', 'é', '\\', '-', 'N/A'],
  seeds: () => [
    ...texts(
      'http://www.example.com/index.html',
      'https://user:pass@example.com:8443/a/b?c=d#e',
      'example.com',
      'EXAMPLE.com/Ä?q=%zz',
      'tcp://192.0.2.1:443/',
      'http://[2001:db8::1]/x',
      'ftp://example.com',
      'http://xn--bcher-kva.example/'
    )(),
    ...fixtures().flatMap(({ lines }) =>
      lines.slice(0, 3).flatMap(line => (/https?:\/\/\S{5,200}/.exec(line) ?? []).map(url => Buffer.from(url)))
    )
  ],
  check(input) {
    const half = input.indexOf(0x0a)
    const url = half < 0 ? input : input.subarray(0, half)
    const record = finalized([
      [URL_FIELD, url],
      [DST_HOST, half < 0 ? Buffer.alloc(0) : input.subarray(half + 1)],
      [USER, url.subarray(0, 300)]
    ])
    const text = record.text(URL_FIELD)
    const host = record.text(DST_HOST)
    if (text !== undefined) {
      if (Buffer.byteLength(text) > URL_MAX_BYTES) throw new Error(`a URL of ${Buffer.byteLength(text)} bytes`)
      if (!/^[\x21-\x7e]+$/.test(text)) throw new Error(`URL ${JSON.stringify(text)}`)
      const again = finalized([[URL_FIELD, Buffer.from(text)]])
      same('a URL that is normal already', again.text(URL_FIELD), text)
    }
    if (host !== undefined) same(`host ${host}`, canonicalHost(host), host)
    const user = record.text(USER)
    if (user !== undefined && /[\0-\x1f\x7f]/.test(user)) throw new Error(`user ${JSON.stringify(user)}`)
  }
}

export const valueTargets: readonly FuzzTarget[] = [times, datePatterns, addresses, urls]

/** Records as parsers hand them over: bytes in a buffer, in any state, for tests of what comes after parsing. */
import {
  ACTION_ABSENT,
  ACTION_ALLOWED,
  ACTION_BLOCKED,
  DEVICE,
  DOWNLOADED,
  DST_HOST,
  DST_IP,
  DST_PORT,
  RecordFields,
  SRC_IP,
  TIME,
  TOTAL,
  type TrafficRecord,
  UPLOADED,
  URL,
  USER
} from '../src/record.ts'

/** Text fields may be bytes, since logs hold what is no text. */
export type RawRecord = { [Key in keyof TrafficRecord]?: TrafficRecord[Key] | Uint8Array }

const TEXT_FIELDS = { srcIp: SRC_IP, user: USER, device: DEVICE, dstIp: DST_IP, dstHost: DST_HOST, url: URL } as const
const NUMBER_FIELDS = { dstPort: DST_PORT, uploadedBytes: UPLOADED, downloadedBytes: DOWNLOADED, totalBytes: TOTAL } as const
const SCRATCH_BYTES = 64 * 1024

/** Fills fields as a parser would, every text a range of the same buffer. */
export function filled(raw: RawRecord): RecordFields {
  const fields = new RecordFields()
  const texts = Object.entries(TEXT_FIELDS).flatMap(([key, field]) => {
    const value = raw[key as keyof typeof TEXT_FIELDS]
    return value === undefined ? [] : [{ field, bytes: Buffer.from(value as string) }]
  })
  const length = texts.reduce((sum, { bytes }) => sum + bytes.length, 0)
  fields.reset(Buffer.alloc(length + SCRATCH_BYTES), length, length + SCRATCH_BYTES)
  let at = 0
  for (const { field, bytes } of texts) {
    bytes.copy(fields.buf, at)
    fields.set(field, at, at + bytes.length)
    at += bytes.length
  }
  if (raw.time !== undefined) fields.numbers[TIME] = raw.time as number
  for (const [key, field] of Object.entries(NUMBER_FIELDS)) {
    const value = raw[key as keyof typeof NUMBER_FIELDS]
    if (value !== undefined) fields.numbers[field] = value as number
  }
  fields.action = raw.action === 'allowed' ? ACTION_ALLOWED : raw.action === 'blocked' ? ACTION_BLOCKED : ACTION_ABSENT
  return fields
}

/** The four records of record.md section 4. */
export const EXAMPLES: Record<'A' | 'B' | 'C' | 'D', RawRecord> = {
  A: {
    time: Date.parse('2026-01-05T09:15:30.250Z'),
    srcIp: '10.20.30.40',
    user: 'alice@contoso.example',
    device: 'LT-0042',
    dstIp: '203.0.113.10',
    dstPort: 443,
    dstHost: 'files.example.com',
    url: 'https://files.example.com/team/report%20v2.pdf',
    uploadedBytes: 1834,
    downloadedBytes: 920113,
    totalBytes: 921947,
    action: 'allowed'
  },
  B: {
    time: Date.parse('2026-01-05T09:15:31.000Z'),
    srcIp: '2001:db8:1::15',
    user: 'CONTOSO\\bob',
    dstHost: 'paste.example.net',
    url: 'https://paste.example.net/new?a=1',
    uploadedBytes: 512,
    downloadedBytes: 0,
    totalBytes: 512,
    action: 'blocked'
  },
  C: {
    time: Date.parse('2026-01-05T09:15:33.005Z'),
    srcIp: '10.20.30.42',
    user: 'CN=Müller, Jörg|x',
    dstHost: 'drive.example.org',
    uploadedBytes: 10,
    downloadedBytes: 20,
    totalBytes: 30,
    action: 'allowed'
  },
  D: { time: Date.parse('2026-01-05T09:15:32.999Z'), srcIp: '10.20.30.41', dstIp: '198.51.100.7', dstPort: 443, totalBytes: 48213 }
}

/** Hot path: once per record. Which of the attributes that reports are made of a record carries. */
import { DEVICE, DOWNLOADED, DST_HOST, DST_IP, type RecordFields, TOTAL, UPLOADED, URL, USER } from '../record.ts'

export const ATTRIBUTES = ['user', 'device', 'dstIp', 'dstHost', 'url', 'uploadedBytes', 'downloadedBytes', 'totalBytes', 'action'] as const
export type Attribute = (typeof ATTRIBUTES)[number]

/** Adds one to the count of each attribute that the record has; `counts` is in the order of ATTRIBUTES. */
export function countAttributes(record: RecordFields, counts: Float64Array): void {
  const { start, numbers } = record
  if (start[USER]! >= 0) counts[0]!++
  if (start[DEVICE]! >= 0) counts[1]!++
  if (start[DST_IP]! >= 0) counts[2]!++
  if (start[DST_HOST]! >= 0) counts[3]!++
  if (start[URL]! >= 0) counts[4]!++
  if (numbers[UPLOADED]! >= 0) counts[5]!++
  if (numbers[DOWNLOADED]! >= 0) counts[6]!++
  if (numbers[TOTAL]! >= 0) counts[7]!++
  if (record.action !== 0) counts[8]!++
}

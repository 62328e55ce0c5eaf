/** Skyhigh Secure Web Gateway: header rows of the cloud's export, and what its records need beside their fields. */
import { type Frame, type Outcome, time, UTC } from '../../src/parse/kit.ts'
import { DST_HOST, type RecordFields, SCHEME_HTTP, SCHEME_HTTPS, TIME, URL } from '../../src/record.ts'
import { cloud, cloudTable } from './fields.ts'
import type { State } from './form.ts'

/** Keeps the columns that a header row names. Cold: once per file. */
export function readCloudHeader(frame: Frame, start: number, state: State): void {
  const names = frame.buf
    .toString('latin1', start, frame.end)
    .split(',', 128)
    .map(name => name.trim().replaceAll('"', ''))
  state.cloud = cloudTable.columns(names)
  state.numbered = names[0] === 'user_id'
}

/** Fills the record from the values of a cloud line or row. */
export function completeCloud(frame: Frame, out: RecordFields): Outcome {
  cloudTable.apply(frame, out)
  const { request_timestamp, uri_scheme } = cloud
  if (Number.isNaN(out.numbers[TIME]) && request_timestamp.present)
    out.numbers[TIME] = time.readIsoTime(frame.buf, request_timestamp.start, request_timestamp.end, UTC)
  if (uri_scheme.is('https')) out.scheme = SCHEME_HTTPS
  else if (uri_scheme.is('http')) out.scheme = SCHEME_HTTP
  if (!out.has(DST_HOST)) out.clear(URL) // a path alone names no server
  return 'parsed'
}

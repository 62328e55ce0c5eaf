/** Encoders by format. `raw` has none: its lines pass as they came. */
import type { Encoder, Format } from '../contracts.ts'
import { cefEncoder } from './cef.ts'
import { csvEncoder, w3cEncoder } from './columns.ts'
import { leefEncoder } from './leef.ts'
import type { EncodeOptions } from './options.ts'

export function newEncoder(format: Exclude<Format, 'raw'>, options: EncodeOptions = {}): Encoder {
  switch (format) {
    case 'cef':
      return cefEncoder(options)
    case 'leef':
      return leefEncoder(options)
    case 'w3c':
      return w3cEncoder(options)
    case 'csv':
      return csvEncoder(options)
  }
}

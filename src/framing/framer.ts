import type { Framer, Framing } from '../contracts.ts'
import { DatagramFramer } from './datagram.ts'
import { JsonFramer } from './json-array.ts'
import { LinesFramer } from './lines.ts'
import { SyslogStreamFramer } from './syslog-stream.ts'

/** A new framer for one intake. */
export function createFramer(framing: Framing): Framer {
  switch (framing) {
    case 'syslog-stream':
      return new SyslogStreamFramer()
    case 'datagram':
      return new DatagramFramer()
    case 'lines':
      return new LinesFramer()
    case 'json':
      return new JsonFramer()
  }
}

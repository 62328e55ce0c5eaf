/**
 * A process of its own with an FTP receiver whose intake only counts, so that its memory can be measured. Prints its port;
 * answers each message with what it took and its largest resident set.
 */
import type { OpenIntake } from '../../src/contracts.ts'
import { FtpReceiver } from '../../src/receivers/ftp.ts'
import { memoryLog, portOf } from './memory-intake.ts'

const LINE_FEED = 0x0a
let lines = 0
let bytes = 0
const open: OpenIntake = () => ({
  accept(chunk) {
    bytes += chunk.length
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    for (let at = text.indexOf(LINE_FEED); at >= 0; at = text.indexOf(LINE_FEED, at + 1)) lines++
    return undefined
  },
  debtMs: () => 0,
  commit: async () => {},
  end: async () => {},
  abort: () => {}
})
const receiver = new FtpReceiver(
  { listen: '127.0.0.1:0', accounts: [{ password: process.argv[2] ?? '' }], ...JSON.parse(process.argv[3] ?? '{}') },
  { log: memoryLog() }
)
await receiver.start(open)
console.log(portOf(receiver))
process.on('message', () => process.send?.({ lines, bytes, maxRssBytes: process.resourceUsage().maxRSS * 1024 }))
process.once('disconnect', () => process.exit())

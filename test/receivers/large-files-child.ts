/**
 * A process of its own with one receiver of files whose intake only counts, so that its memory can be measured. Its arguments are
 * the kind and the options as JSON. Prints its address; answers each message with what it took and its largest resident set.
 */
import type { OpenIntake, Receiver } from '../../src/contracts.ts'
import { FileDropReceiver } from '../../src/receivers/file-drop.ts'
import { FtpReceiver } from '../../src/receivers/ftp.ts'
import { HttpPushReceiver } from '../../src/receivers/http-push.ts'
import { SftpReceiver } from '../../src/receivers/sftp.ts'
import { memoryLog } from './memory-intake.ts'

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
const [kind = '', json = '{}'] = process.argv.slice(2)
const options = JSON.parse(json)
const deps = { log: memoryLog() }
const KINDS: Readonly<Record<string, () => Receiver>> = {
  ftp: () => new FtpReceiver(options, deps),
  sftp: () => new SftpReceiver(options, deps),
  'file-drop': () => new FileDropReceiver(options, deps),
  'http-push': () => new HttpPushReceiver(options, deps)
}
const receiver = KINDS[kind]!()
await receiver.start(open, async () => new SharedArrayBuffer(0))
console.log(receiver.status()[0]!.address)
process.on('message', () => process.send?.({ lines, bytes, maxRssBytes: process.resourceUsage().maxRSS * 1024 }))
process.once('disconnect', () => process.exit())

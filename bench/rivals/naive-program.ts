/**
 * The collector one writes in an afternoon, kept as a yardstick: readline, one regular expression per line, an object, a template
 * string, one write per line into a gzip stream. Arguments: port, folder. It tells its count in a file ten times a second.
 */
import { createWriteStream, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createGzip } from 'node:zlib'

const [port, dir] = process.argv.slice(2)
const gzip = createGzip({ level: 1 })
gzip.pipe(createWriteStream(join(dir!, 'out.gz')))
let lines = 0

const server = createServer(async socket => {
  for await (const line of createInterface({ input: socket })) {
    const fields: Record<string, string> = {}
    for (const [, key, quoted, plain] of line.matchAll(/(\w+)=(?:"([^"]*)"|(\S*))/g)) fields[key!] = quoted ?? plain!
    const { eventtime, srcip, user, srcname, dstip, dstport, hostname, rcvdbyte, sentbyte, action } = fields
    const cef = `CEF:0|Naive|Collector|1|traffic|Web traffic|1|rt=${eventtime} src=${srcip} suser=${user} shost=${srcname} dst=${dstip} dpt=${dstport} dhost=${hostname} in=${rcvdbyte} out=${sentbyte} act=${action}\n`
    if (!gzip.write(cef)) await new Promise(resolve => gzip.once('drain', resolve))
    lines++
  }
})
server.listen(Number(port), '127.0.0.1')
setInterval(() => writeFileSync(join(dir!, 'count'), String(lines)), 100)
process.on('SIGTERM', () => process.exit())

/** A process for kill.test.ts: appends numbered lines to two sources and prints how many are confirmed, until it is killed. */
import { blockOf, openSpool } from './blocks.ts'

const spool = await openSpool(process.argv[2]!, { segmentMaxBytes: 4000, commitIntervalMs: 3, flushIntervalMs: 300 })
const first = Number(process.argv[3])
for (let next = first; ; ) {
  for (let i = 0; i < 8; i++, next += 5)
    spool.append(
      blockOf(
        `source-${i % 2}`,
        Array.from({ length: 5 }, (_, j) => `id-${next + j}`)
      )
    )
  await spool.commit()
  process.stdout.write(`${next}\n`)
}

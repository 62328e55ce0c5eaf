/**
 * Runs the line path over made-up lines before a socket is bound: cold code takes ten times as long per block, and a UDP
 * receiver loses datagrams meanwhile (measured; docs/performance.md).
 */
import type { Parser } from '../contracts.ts'
import { FrameBlock } from '../lib/frame-block.ts'
import { LaneEngine } from './engine.ts'
import type { LaneSpec } from './messages.ts'

const ROUNDS = 12

const LINES = [
  '<189>date=2026-01-15 time=10:11:12 devname="fw" devid="FG100" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" eventtime=1768471872000000000 tz="+0000" srcip=10.0.0.7 srcport=50000 srcintf="lan" dstip=203.0.113.9 dstport=443 dstintf="wan" policyid=7 sessionid=1 proto=6 action="close" service="HTTPS" user="alice" sentbyte=1834 rcvdbyte=920113 duration=3',
  'CEF:0|Example|Gateway|1|100|Web|3|rt=1768471872000 src=10.0.0.7 dst=203.0.113.9 dpt=443 suser=alice request=https://www.example.com/a/b in=20 out=10 act=allowed',
  '1768471872.123    250 10.0.0.7 TCP_MISS/200 20480 GET http://www.example.com/index.html alice HIER_DIRECT/203.0.113.9 text/html',
  'LEEF:1.0|Example|Gateway|1|allow|src=10.0.0.7\tdst=203.0.113.9\tdevTime=1768471872000\tusrName=alice\turl=https://www.example.com/a\tsrcBytes=10\tdstBytes=20'
]

/** Warms the code of this thread; the engine and its counts are thrown away. */
export function warmUp(spec: LaneSpec, parsers: readonly Parser[]): void {
  const engine = new LaneEngine(
    { ...spec, sources: [{ name: 'warm-up', appliance: 'auto', format: 'cef', timeZone: 'UTC', encode: {} }] },
    parsers
  )
  engine.openIntake(0, [0])
  const frames = LINES.map(line => Buffer.from(line))
  const block = new FrameBlock()
  for (const frame of frames) {
    for (let round = 0; round < ROUNDS; round++) {
      block.clear()
      while (!block.isFull) block.append(frame, 0, frame.length, 0)
      engine.process(block, () => undefined)
    }
  }
  engine.flush(() => undefined)
}

import t from 'tap'
import type { Block } from '../../src/contracts.ts'
import { LaneEngine } from '../../src/lanes/engine.ts'
import { loadParsers } from '../../src/parse/load.ts'
import { ATTRIBUTES } from '../../src/process/attributes.ts'
import { frameBlocks, linesBySource, specOf } from './lane-kit.ts'

const line = (state: string, client: string) =>
  `<30>device="SFW" date=2026-01-12 time=08:30:07 timezone="UTC" device_name="XG230" device_id=S1 log_id=010101600001 log_type="Firewall" log_component="Firewall Rule" log_subtype="Allowed" src_ip=${client} dst_ip=203.0.113.13 protocol="TCP" dst_port=443 sent_bytes=1 recv_bytes=2 connevent="${state}" connid="1"`

t.test('a lane counts each connection once, by what every intake shows', async t => {
  const engine = new LaneEngine(specOf([{ appliance: 'sophos-xg', format: 'csv' }]), await loadParsers())
  engine.openIntake(0, [0])
  engine.openIntake(1, [0])
  const frames = [
    { intake: 0, bytes: line('Start', '192.0.2.1') },
    { intake: 0, bytes: line('Interim', '192.0.2.2') },
    { intake: 0, bytes: line('Stop', '192.0.2.3') },
    { intake: 0, bytes: line('Start', '192.0.2.4') },
    { intake: 1, bytes: line('Start', '192.0.2.5') }
  ].map(({ intake, bytes }) => ({ intake, bytes: Buffer.from(bytes) }))
  const blocks: Block[] = []
  for (const block of frameBlocks(frames, [2])) engine.process(block, made => blocks.push(made))
  engine.flush(made => blocks.push(made))

  const text = linesBySource(blocks)['source-0'] ?? ''
  t.same(text.match(/192\.0\.2\.\d/g), ['192.0.2.1', '192.0.2.3', '192.0.2.5'])
  t.same(Object.fromEntries(engine.stats().sources[0]!.dropped), { interim: 1, connection_start: 1 })
})

const fortigate = (action: string, more = '') =>
  `date=2026-01-12 time=08:30:07 devname="FG1" devid="FG100" logid="0000000013" type="traffic" subtype="forward" eventtime=1768206607 srcip=10.0.0.7 srcport=1 dstip=203.0.113.9 dstport=443 proto=6 action="${action}"${more}`

t.test(
  'what records carry is counted of those that are written, so starts of connections without bytes are not held against it',
  async t => {
    const engine = new LaneEngine(specOf([{ appliance: 'fortinet-fortigate' }]), await loadParsers())
    engine.openIntake(0, [0])
    const end = fortigate('close', ' sentbyte=10 rcvdbyte=20')
    const frames = [end, fortigate('start'), end, fortigate('start'), fortigate('start')].map(bytes => ({
      intake: 0,
      bytes: Buffer.from(bytes)
    }))
    for (const block of frameBlocks(frames, [5])) engine.process(block, () => {})
    const { parsed, written, dropped, attributes } = engine.stats().sources[0]!
    t.match({ parsed, written, dropped }, { parsed: 5, written: 2, dropped: [['connection_start', 3]] })
    const counts = Object.fromEntries(ATTRIBUTES.map((attribute, index) => [attribute, attributes[index]]))
    t.match(counts, { uploadedBytes: written, downloadedBytes: written, dstIp: written, user: 0 })
  }
)

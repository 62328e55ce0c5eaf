import t from 'tap'
import { PEERS_KNOWN_MAX, PEERS_LISTED_MAX, PeerTable } from '../../src/pipeline/peers.ts'

t.test('the senders with the most bytes are listed, and a sender that comes again goes on counting', async t => {
  const table = new PeerTable()
  for (let number = 1; number <= PEERS_LISTED_MAX + 5; number++) {
    const peer = table.open(`192.0.2.${number}`, 1000)
    peer.bytes += number
    peer.frames++
    table.close(peer)
  }
  const again = table.open('192.0.2.1', 2000)
  again.bytes += 1000
  again.frames++
  again.lastSeenMs = 3000
  t.equal(table.size, PEERS_LISTED_MAX + 5)
  const top = table.top()
  t.equal(top.length, PEERS_LISTED_MAX)
  t.same(top[0], { address: '192.0.2.1', frames: 2, bytes: 1001, open: 1, lastSeenMs: 3000 })
  t.equal(top[1]?.address, `192.0.2.${PEERS_LISTED_MAX + 5}`)
})

t.test('beyond the bound the longest silent sender gives way; connected ones stay and the rest is counted together', async t => {
  const table = new PeerTable()
  const first = table.open('192.0.2.1', 0)
  const second = table.open('192.0.2.2', 0)
  table.close(second)
  for (let number = 2; number < PEERS_KNOWN_MAX; number++) table.open(`host-${number}`, 0)
  t.equal(table.size, PEERS_KNOWN_MAX)
  table.open('newcomer', 0)
  t.equal(table.size, PEERS_KNOWN_MAX, 'the second, which had gone, gave way')
  const others = table.open('one more', 0)
  t.equal(others.address, '(others)')
  t.equal(table.open('and one more', 0), others)
  t.equal(table.size, PEERS_KNOWN_MAX + 1)
  first.bytes = 7
  t.equal(table.top()[0]?.address, '192.0.2.1', 'it is still counted')
})

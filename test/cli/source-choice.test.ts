import { join } from 'node:path'
import t from 'tap'
import { runCommandLine } from '../../src/cli/command-line.ts'
import { chooseSource } from '../../src/cli/source-choice.ts'
import { testDir } from '../test-dir.ts'
import { memoryIo } from './memory-io.ts'

const CONFIG = `
sources:
  - name: feed
    time_zone: Europe/Berlin
    template: { zscaler_feed: '%s{time};%s{login};%s{cip};%s{eurl};%s{action}' }
    from: { peers: [10.1.0.0/16] }
  - name: squid-native
    appliance: cisco-asa
`
const LINE = 'Thu Jan 15 11:11:12 2026;alice;10.0.0.7;www.example.com/a;Allowed\n'

t.test('with a configuration its source is taken, with its time zone unless another is asked for', async t => {
  const cwd = testDir(t, { 'x.yaml': CONFIG })
  const io = memoryIo(cwd)
  t.match(chooseSource({ source: 'feed', config: 'x.yaml' }, io), {
    appliance: 'auto',
    timeZone: 'Europe/Berlin',
    template: { zscaler_feed: String }
  })
  t.equal(chooseSource({ source: 'feed', config: 'x.yaml', 'time-zone': 'UTC' }, io).timeZone, 'UTC')
  t.same(chooseSource({ source: 'squid-native', config: 'x.yaml' }, io), { appliance: 'cisco-asa', timeZone: 'UTC' }, 'its name wins')
  t.same(chooseSource({ source: 'squid-native' }, io), { appliance: 'squid-native', timeZone: 'UTC' })
  t.same(chooseSource({ config: 'x.yaml' }, io), { appliance: 'auto', timeZone: 'UTC' })
  t.throws(() => chooseSource({ source: 'fed', config: 'x.yaml' }, io), {
    name: 'UsageError',
    message: /a source of the configuration \(feed, squid-native\)/
  })
  t.throws(() => chooseSource({ source: 'feed' }, io), { name: 'UsageError', message: /expected auto or one of/ })
})

t.test('sluice explain reads a file by the template of the source', async t => {
  const cwd = testDir(t, { 'x.yaml': CONFIG, log: LINE.repeat(3) })
  const io = memoryIo(cwd)
  const args = ['explain', '--config', 'x.yaml', '--source', 'feed', '--now', '2026-02-01T00:00:00Z', '--json', join(cwd, 'log')]
  t.equal(await runCommandLine(args, io), 0)
  t.match(JSON.parse(io.out()), {
    records: 3,
    recognised: [{ parser: 'template-zscaler-feed', appliance: /Zscaler/ }],
    firstTime: '2026-01-15T10:11:12.000Z',
    verdict: 'accepted'
  })
})

t.test('an unknown source is wrong usage, a bad configuration has its own exit code', async t => {
  const cwd = testDir(t, { 'bad.yaml': "sources: [{ name: a, template: { zscaler_feed: '%s{login}' } }]" })
  const io = memoryIo(cwd)
  for (const verb of ['parse', 'explain']) {
    t.equal(await runCommandLine([verb, '--source', 'nobody'], io), 2)
    t.match(io.err(), /unknown source "nobody"[\s\S]*Usage: sluice/)
    t.equal(await runCommandLine([verb, '-c', 'bad.yaml', '--source', 'a'], io), 78)
    t.match(io.err(), /bad\.yaml:1:48: sources\[0\]\.template\.zscaler_feed: it has no time/)
    t.equal(await runCommandLine([verb, '--now', 'soon'], io), 2)
  }
})

import t from 'tap'
import type { SourceConfig } from '../../src/config/schema.ts'
import { SourceBinding } from '../../src/pipeline/source-binding.ts'

const source = (name: string, receivers: string[] = [], more: Partial<SourceConfig> = {}): SourceConfig =>
  ({ name, format: 'cef', from: { peers: [], receivers }, ...more }) as SourceConfig

const candidates = (sources: SourceConfig[], receiver: string, bound?: string): string[] =>
  new SourceBinding(sources)
    .candidates({ address: '192.0.2.1', receiver, ...(bound === undefined ? {} : { source: bound }) } as Parameters<
      SourceBinding['candidates']
    >[0])
    .map(index => sources[index]!.name)

t.test('sources that name a sender come before those that take all', async t => {
  const sources = [source('all'), source('a', ['in']), source('b', ['other'])]
  t.same(candidates(sources, 'in'), ['a', 'all'])
  t.same(candidates(sources, 'else'), ['all'])
  t.same(candidates(sources, 'else', 'b'), ['b'], 'what a receiver has bound')
})

t.test('whose frames those of a sender are is known before they are read when one source names it, or there is one', async t => {
  const foretold = (sources: SourceConfig[], receiver: string, bound?: string): string | undefined =>
    new SourceBinding(sources).foretold({ receiver, protocol: 'syslog-udp', address: '192.0.2.1', ...(bound && { source: bound }) })
  const sources = [source('all'), source('a', ['in']), source('b', ['other']), source('c', ['other']), source('rest')]
  t.equal(foretold(sources, 'in'), 'a')
  t.equal(foretold(sources, 'other'), undefined, 'two name it')
  t.equal(foretold(sources, 'else'), undefined, 'two take all')
  t.equal(foretold(sources, 'else', 'b'), 'b', 'what a receiver has bound')
  t.equal(foretold([source('all')], 'else'), 'all')
  t.equal(foretold([source('a', ['in'])], 'else'), undefined, 'no source takes it')
})

t.test('a source of raw lines that names a sender leaves none of its lines to those that take all', async t => {
  const sources = [source('all'), source('raw', ['in'], { format: 'raw' }), source('fw', ['in'], { appliance: 'fortinet-fortigate' })]
  t.same(candidates(sources, 'in'), ['raw', 'fw'])
  t.same(candidates(sources, 'else'), ['all'])
})

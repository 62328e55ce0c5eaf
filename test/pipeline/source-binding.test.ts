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

t.test('a source of raw lines that names a sender leaves none of its lines to those that take all', async t => {
  const sources = [source('all'), source('raw', ['in'], { format: 'raw' }), source('fw', ['in'], { appliance: 'fortinet-fortigate' })]
  t.same(candidates(sources, 'in'), ['raw', 'fw'])
  t.same(candidates(sources, 'else'), ['all'])
})

/** The guides say what works: their samples are read, their formats compile, and the pages are made from them. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { parseConfig } from '../../src/config/load.ts'
import { WEB_FEED } from '../../src/guide/appliances/zscaler-nss.ts'
import { fill } from '../../src/guide/guide.ts'
import { guideIds, loadGuide } from '../../src/guide/load.ts'
import { appliancePages } from '../../src/guide/pages.ts'
import { applianceIds } from '../../src/lib/appliance-ids.ts'
import { packageRoot } from '../../src/lib/package-root.ts'
import { LineReader } from '../../src/line-reader.ts'
import { loadParsers } from '../../src/parse/load.ts'
import { compileTemplate, templateFaults } from '../../src/parse/template/compile.ts'

const parsers = await loadParsers()
const guides = await Promise.all(guideIds().map(async id => (await loadGuide(id))!))
const VALUES = { host: 'h', port: '1', url: 'u', secret_header: 's', fingerprint: 'f' }
const DOCS = join(packageRoot(), 'docs/appliances')

t.test('the appliances that most people have are there', async t => {
  const wanted =
    'fortinet-fortigate paloalto cisco-asa checkpoint juniper-srx sonicwall sophos-xg zscaler-nss zscaler-cloud-nss iboss menlo bluecoat-proxysg squid-native cisco-wsa cisco-meraki'
  t.same(
    wanted.split(' ').filter(id => !guideIds().includes(id)),
    []
  )
})

for (const guide of guides)
  t.test(`${guide.id}: is whole, and its sample gives a record`, async t => {
    t.ok(guideIds().includes(guide.id), 'the file is named like it')
    t.same(
      guide.parsers.filter(id => !parsers.some(parser => parser.id === id)),
      []
    )
    t.equal(new Set(guide.ways.map(({ transport }) => transport)).size, guide.ways.length, 'each way once')
    for (const { say, type = '' } of [...guide.ways.flatMap(way => way.steps), ...guide.always])
      t.notMatch(fill(say + type, VALUES), /\{\{/)
    for (const { steps, transport } of guide.ways) {
      const text = steps.map(({ say, type = '' }) => say + type).join()
      t.match(text, /\{\{(host|url)\}\}/, `${transport}: says where to`)
      if (transport === 'syslog-tls') t.match(text, /\{\{fingerprint\}\}/, 'the certificate can be compared')
    }
    const reader = new LineReader({ parsers, appliance: 'auto', timeZone: 'UTC', now: Date.UTC(2026, 1, 1), format: undefined })
    const answer = JSON.parse(reader.feed(Buffer.from(`${guide.sample}\n`))) as { parser: string }
    t.match(answer, {
      outcome: 'parsed',
      rejected: undefined,
      record: { srcIp: '192.0.2.10', time: /^2026-01-15T10:11:12/, action: 'allowed' }
    })
    t.ok(guide.parsers.includes(answer.parser), answer.parser)
    if (guide.source !== undefined) t.same(templateFaults((parse(guide.source) as { template: object }).template), [])
  })

t.test('the feed that is recommended for Zscaler is read by its names', async t => {
  const parser = compileTemplate({ zscaler_feed: WEB_FEED })
  t.match(parser.id, /zscaler/)
})

t.test('configurations on the pages load without a warning', async t => {
  const withSource = guides.find(({ source }) => source !== undefined)!
  for (const id of ['fortinet-fortigate', withSource.id]) {
    const [, yaml] = /```yaml\n([^`]*)```/.exec(readFileSync(join(DOCS, `${id}.md`), 'utf8'))!
    const loaded = parseConfig(yaml!, { env: {}, cwd: '/', file: id, appliances: applianceIds(), checkTemplate: templateFaults })
    t.same(loaded.warnings, [], id)
  }
})

t.test('a place without a value is an error, not a hole in a command', async t => {
  t.throws(() => fill('server {{hots}}', VALUES), /hots/)
})

t.test('docs/appliances/ is made from the guides and the parsers', async t => {
  const pages = await appliancePages()
  t.same(readdirSync(DOCS).sort(), [...pages.keys()].sort(), 'run: npm run docs')
  for (const [name, page] of pages) t.ok(readFileSync(join(DOCS, name), 'utf8') === page, `${name}: run npm run docs`)
})

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ConfigError } from '../../src/config/faults.ts'
import { parseConfig } from '../../src/config/load.ts'
import { redactConfig } from '../../src/config/redact.ts'
import { pathFault } from '../../src/upload/archive/path.ts'
import { testDir } from '../test-dir.ts'

const load = (archive: string, more = '') =>
  parseConfig(`archive: ${archive}\n${more}`, { env: {}, cwd: '/etc/sluice', file: 'f.yaml', checkArchivePath: pathFault })

function faultsOf(archive: string, more = ''): string {
  try {
    load(archive, more)
    return ''
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`).join('\n')
    throw error
  }
}

const AZURE = 'type: azure-blob, container: logs'
const URL = 'account_url: "https://contoso.blob.core.windows.net"'

t.test('without the key there is no archive', async t => {
  t.equal(parseConfig('', { env: {}, cwd: '/', file: 'f' }).config.archive, undefined)
})

t.test('each way in, with the defaults', async t => {
  const { archive } = load(`{ ${AZURE}, connection_string: "AccountName=a" }`).config
  t.same(archive, {
    type: 'azure-blob',
    container: 'logs',
    connection_string: 'AccountName=a',
    create_container: false,
    timeout: 60_000,
    content: 'records',
    sources: [],
    path: '{source}/{year}/{month}/{day}/{source}-{id}.{format}.zst',
    compression_level: 1,
    flush_interval: 900_000,
    dir: '/etc/sluice/data/archive',
    max_bytes: 5 * 2 ** 30,
    min_free_bytes: 2 ** 30
  })
  t.equal(faultsOf(`{ ${AZURE}, ${URL}, sas_token: "sv=1&sig=2" }`), '')
  t.equal(faultsOf(`{ ${AZURE}, ${URL}, auth: { managed_identity: true } }`), '')
  t.equal(faultsOf(`{ ${AZURE}, ${URL}, auth: { tenant_id: a, client_id: b, client_secret: c } }`), '')
  t.match(load('{ type: directory, folder: ./out }').config.archive, { type: 'directory', folder: '/etc/sluice/out' })
})

t.test('secrets come from files, and the printed configuration shows none', async t => {
  const dir = testDir(t)
  writeFileSync(join(dir, 'sas'), 'sig=hush-hush\n')
  const { config } = load(`{ ${AZURE}, ${URL}, sas_token_file: "${join(dir, 'sas')}" }`)
  t.match(config.archive, { sas_token: 'sig=hush-hush' })
  t.notMatch(JSON.stringify(redactConfig(config)), /hush/)
})

t.test('what does not fit is told with its place', async t => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['{}', /^archive: the key "type" is missing/],
    ['{ type: azur-blob }', /^archive.type: unknown type/],
    [`{ ${AZURE} }`, /^archive: no credentials/],
    [`{ type: azure-blob, container: Logs_, connection_string: a }`, /^archive.container: .*does not fit/],
    [`{ ${AZURE}, sas_token: a }`, /"account_url" is missing/],
    [`{ ${AZURE}, ${URL}, connection_string: a }`, /account_url must not be given/],
    [`{ ${AZURE}, ${URL}, sas_token: a, auth: { managed_identity: true } }`, /only one way in/],
    [`{ ${AZURE}, ${URL}, auth: {} }`, /^archive.auth: no proof/],
    [`{ ${AZURE}, ${URL}, auth: { client_secret: a } }`, /"tenant_id" is missing/],
    [`{ ${AZURE}, account_url: "http://s.example", auth: { managed_identity: true } }`, /must be https/],
    [`{ ${AZURE}, account_url: "https://s.example?sig=1", sas_token: a }`, /must not hold a SAS token/],
    ['{ type: directory }', /"folder" is missing/],
    ['{ type: directory, folder: a, path: "{source}.zst" }', /^archive.path: .*\{id\}/],
    ['{ type: directory, folder: a, sources: [fw] }', /^archive.sources\[0\]: unknown source "fw"/],
    ['{ type: directory, folder: a, dir: ./data/spool }', /^archive.dir: is the directory of the spool/],
    ['{ type: directory, folder: ./data/archive }', /^archive.folder: is the directory of the buffer/],
    ['{ type: directory, folder: a, compression_level: 25 }', /^archive.compression_level: /],
    ['{ type: directory, folder: a, contents: lines }', /did you mean "content"/]
  ]
  for (const [archive, wanted] of cases) t.match(faultsOf(archive), wanted, archive)
})

t.test('on a shared disk the archive shall yield first', async (t: Test) => {
  const { warnings } = load('{ type: directory, folder: a, min_free_bytes: 1MiB }')
  t.match(warnings, [{ path: 'archive.min_free_bytes', message: /the archive could fill what the spool needs/ }])
})

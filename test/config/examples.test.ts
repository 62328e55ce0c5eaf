// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse } from 'yaml'
import { publishedSchema } from '../../src/config/json-schema.ts'
import { loadConfig } from '../../src/config/load.ts'
import { isObject, type SchemaNode } from '../../src/config/normalize.ts'
import { ConfigSchema } from '../../src/config/schema.ts'
import { applianceIds } from '../../src/lib/appliance-ids.ts'
import { testDir } from '../test-dir.ts'

const DIR = join(import.meta.dirname, '../../config')
const EXAMPLES = readdirSync(DIR).filter(name => name.endsWith('.yaml'))
const ENV = {
  SLUICE_TOKEN: 't',
  SLUICE_TENANT_ID: 'a',
  SLUICE_CLIENT_ID: 'b',
  SLUICE_CLIENT_SECRET: 'c',
  SLUICE_PUSH_SECRET: 'push-secret',
  SLUICE_UPLOAD_PASSWORD: 'upload-password',
  SLUICE_S3_KEY_ID: 'AKIA',
  SLUICE_S3_SECRET: 's3-secret',
  SLUICE_SAS: 'sv=1&sig=2',
  SLUICE_MENLO_TOKEN: 'menlo-token'
}

const load = (name: string) => loadConfig({ path: join(DIR, name), env: ENV, cwd: '/', appliances: applianceIds() })

t.test('every example loads without a warning and fits the published schema', async t => {
  t.ok(EXAMPLES.length >= 3)
  const validate = new Ajv({ allErrors: true, strict: false }).compile(JSON.parse(publishedSchema()))
  for (const name of EXAMPLES) {
    t.same(load(name).warnings, [], name)
    t.ok(validate(parse(readFileSync(join(DIR, name), 'utf8'))), `${name}: ${JSON.stringify(validate.errors)}`)
  }
})

t.test('the published schema takes no wrong file', async t => {
  const validate = new Ajv({ strict: false }).compile(JSON.parse(publishedSchema()))
  for (const wrong of [{ lanse: 1 }, { spool: { max_bytes: 'apples' } }, { sources: [{}] }, { receivers: [{ type: 'sylog' }] }])
    t.notOk(validate(wrong), JSON.stringify(wrong))
  for (const right of [{}, { lanes: '${LANES}' }, { lanes: 2 }, { receivers: [{ type: 'syslog' }], sources: [{ name: 'a' }] }])
    t.ok(validate(right), JSON.stringify([right, validate.errors]))
})

t.test('config/sluice.schema.json is what the code says', async t => {
  t.equal(
    readFileSync(join(DIR, 'sluice.schema.json'), 'utf8'),
    publishedSchema(),
    'run: node src/config/json-schema.ts > config/sluice.schema.json'
  )
})

t.test('full.yaml shows every key, and the default where it shows a value', async t => {
  const text = readFileSync(join(DIR, 'full.yaml'), 'utf8')
  for (const key of keysOf(ConfigSchema as SchemaNode)) t.match(text, new RegExp(`\\b${key}:`), key)
  const byDefault = loadConfig({ env: {}, cwd: testDir(t) }).config
  const full = loadConfig({ path: join(DIR, 'full.yaml'), env: ENV, cwd: t.testdirName }).config
  const { tenant: _tenant, upload, ...rest } = full
  const { tenant: _local, upload: uploadByDefault, ...restByDefault } = byDefault
  t.same(rest, restByDefault)
  t.same(upload, { ...uploadByDefault, flush_interval: 300_000, requests_per_minute: 20 })
})

function keysOf(schema: SchemaNode): string[] {
  const inside = [...Object.values(schema.properties ?? {}), ...(schema.oneOf ?? []), ...(isObject(schema.items) ? [schema.items] : [])]
  return [...Object.keys(schema.properties ?? {}), ...inside.flatMap(keysOf)]
}

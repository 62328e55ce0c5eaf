import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readAdminSection } from '../../src/config/admin-section.ts'
import { loadConfig } from '../../src/config/load.ts'
import { testDir } from '../test-dir.ts'

const dir = testDir(t, { token: 'read-from-a-file\n', empty: '\n' })
const env = { PORT: '9700', TOKEN: 'from-the-environment', NOTHING: '' }
const pathOf = (text: string): string => {
  const path = join(dir, 'sluice.yaml')
  writeFileSync(path, text)
  return path
}
const light = (text: string) => readAdminSection({ path: pathOf(text), cwd: dir, env })

const GOOD: Record<string, string> = {
  'no file has the defaults': '',
  'a file without the section has the defaults': 'lanes: 2',
  'an empty section has the defaults': 'admin:',
  'address and token': 'admin: { listen: 127.0.0.1:9611, token: 0123456789abcdef }',
  'every interface': 'admin: { listen: ":9611", token: 0123456789abcdef }',
  IPv6: 'admin: { listen: "[::1]:9611" }',
  'variables, also with defaults': `admin: { listen: "127.0.0.1:\${PORT}", token: "\${TOKEN}" }\nspool: { dir: "\${WHERE:-here}" }`,
  'a token in a file': 'admin: { token_file: token }',
  'an anchor': 'lanes: 2\nadmin: &a { listen: 127.0.0.1:9612 }'
}

for (const [what, text] of Object.entries(GOOD))
  t.test(`it reads what the whole loader reads: ${what}`, async t => {
    const { listen, token } = loadConfig({ path: pathOf(text), env, cwd: dir }).config.admin
    t.same(light(text), { listen, token })
  })

const DOUBTFUL: Record<string, string> = {
  'a number as token': 'admin: { token: 12345678 }',
  'an empty token': `admin: { token: "\${NOTHING}" }`,
  'a variable that is not set': `admin: { token: "\${MISSING}" }`,
  'two tokens': 'admin: { token: a, token_file: token }',
  'a token file that is not there': 'admin: { token_file: missing }',
  'an empty token file': 'admin: { token_file: empty }',
  'an address that is none': 'admin: { listen: nowhere }',
  'a section that is none': 'admin: [1]\nx: { y: 1',
  'a key twice': 'admin: { listen: ":1" }\nadmin: { listen: ":2" }'
}

for (const [what, text] of Object.entries(DOUBTFUL))
  t.test(`it leaves to the whole loader: ${what}`, async t => {
    t.equal(light(text), undefined)
  })

t.test('a fault elsewhere in the file does not matter', async t => {
  t.same(light('admin: { listen: 127.0.0.1:9613 }\nlanes: many\nreceivers: [{ type: pigeon }]'), {
    listen: '127.0.0.1:9613',
    token: undefined
  })
})

t.test('a file that is not there is left to the whole loader', async t => {
  t.equal(readAdminSection({ path: join(dir, 'missing.yaml'), cwd: dir, env }), undefined)
})

/** Who may import whom, as data. The walk stays readable because a room knows no other room. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/lib/package-root.ts'

const ROOT = packageRoot()
const ROOMS = ['receivers', 'framing', 'identify', 'parse', 'process', 'encode', 'spool', 'upload', 'tenant']
const SHARED = ['src/contracts.ts', 'src/record.ts', 'src/errors.ts', 'src/lib/', 'src/telemetry/']
/** What joins the rooms: the pipeline, the lanes, the readers that lanes and `sluice parse` share, and what explains a file. */
const HALLWAY = [
  'src/pipeline.ts',
  'src/pipeline/',
  'src/lanes/',
  'src/frame-reader.ts',
  'src/line-reader.ts',
  'src/log-frames.ts',
  'src/explain/'
]
const PARSER_FOLDERS = readdirSync(join(ROOT, 'parsers'), { withFileTypes: true }).flatMap(entry =>
  entry.isDirectory() ? [`parsers/${entry.name}`] : []
)
const ALL_ROOMS = ROOMS.map(room => `src/${room}/`)

/** From the most particular file to the folder: the first line that fits decides. A name that ends in `/` is a folder. */
const RULES: readonly (readonly [files: string, mayImport: readonly string[]])[] = [
  // A big parser keeps what is not its walk in a folder of its name.
  ...PARSER_FOLDERS.flatMap(folder =>
    [`${folder}.ts`, `${folder}/`].map(file => [file, [`${folder}/`, 'src/parse/kit.ts', 'src/record.ts']] as const)
  ),
  ['parsers/', ['src/parse/kit.ts', 'src/record.ts']],
  ['src/record.ts', []],
  ['src/errors.ts', []],
  ['src/contracts.ts', ['src/record.ts']],
  ['src/lib/', ['src/lib/', 'src/contracts.ts', 'src/record.ts', 'src/errors.ts']],
  ['src/telemetry/', SHARED],
  ...ALL_ROOMS.map(room => [room, [room, ...SHARED]] as const),
  ...HALLWAY.map(file => [file, [...HALLWAY, ...ALL_ROOMS, 'src/config/', ...SHARED]] as const),
  // Options of a room are checked where the user writes them.
  ['src/config/', ['src/config/', ...ROOMS.map(room => `src/${room}/options.ts`), ...SHARED]],
  ['src/admin/', ['src/admin/', 'src/config/', 'src/pipeline.ts', ...SHARED]],
  ['src/cli/parse.ts', ['src/cli/', 'src/parse/load.ts', 'src/line-reader.ts', 'src/config/', ...SHARED]],
  ...['explain.ts', 'explain-screen.ts'].map(
    file => [`src/cli/${file}`, ['src/cli/', 'src/parse/load.ts', 'src/explain/', 'src/config/', ...SHARED]] as const
  ),
  // A log on the command line is unpacked as one that is uploaded.
  ['src/cli/log-text.ts', ['src/cli/', 'src/receivers/unpack.ts', ...SHARED]],
  // A template in the configuration is checked by compiling it.
  ['src/cli/load-for-verb.ts', ['src/cli/', 'src/config/', 'src/parse/template/compile.ts', 'src/upload/archive/path.ts', ...SHARED]],
  ['src/cli/tenant.ts', ['src/cli/', 'src/tenant/', 'src/config/', ...SHARED]],
  // Guides are data; their pages show what the parsers make of a line.
  ['src/guide/appliances/', ['src/guide/guide.ts', 'src/guide/appliances/']],
  ['src/guide/pages.ts', ['src/guide/', 'src/parse/', 'src/line-reader.ts', ...SHARED]],
  ['src/guide/', ['src/guide/', 'src/config/', ...SHARED]],
  ...['guide.ts', 'guide-text.ts', 'guide-wait.ts'].map(
    file => [`src/cli/${file}`, ['src/cli/', 'src/guide/', 'src/explain/', 'src/process/attributes.ts', 'src/config/', ...SHARED]] as const
  ),
  // The doctor looks into rooms by profession.
  ['src/cli/doctor/', ['src/cli/', 'src/encode/deflate.ts', 'src/upload/', 'src/pipeline/', 'src/config/', ...SHARED]],
  ['src/cli/', ['src/cli/', 'src/admin/', 'src/config/', 'src/pipeline.ts', 'src/pipeline/', ...SHARED]],
  ['src/main.ts', ['src/cli/']]
]

const covers = (name: string, file: string): boolean => (name.endsWith('/') ? file.startsWith(name) : file === name)

/** What is wrong with the imports of a file, as sentences. */
function faults(file: string, source: string): string[] {
  const rule = RULES.find(([files]) => covers(files, file))
  if (rule === undefined) return [`${file} is in no rule`]
  const imports = [...source.matchAll(/(?:\bfrom|^import|\bimport\() ?'(\.[^']+)'/gm)].map(match => match[1]!)
  return imports
    .map(target => normalize(join(dirname(file), target)))
    .filter(target => !rule[1].some(name => covers(name, target)))
    .map(target => `${file} imports ${target}`)
}

const filesOf = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => relative(ROOT, join(entry.parentPath, entry.name)))
    .sort()

t.test('no file imports what it may not', async t => {
  const files = [...filesOf('src'), ...filesOf('parsers')]
  t.ok(files.length > 100, 'the files were found')
  t.same(
    files.flatMap(file => faults(file, readFileSync(join(ROOT, file), 'utf8'))),
    []
  )
})

t.test('every property is checked with the seed that is fixed for all', async t => {
  const takers = filesOf('test').filter(
    file => readFileSync(join(ROOT, file), 'utf8').match(/^(?:im|ex)port .* from 'fast-check'$/m) !== null
  )
  t.same(takers, ['test/property-kit.ts'])
})

t.test('a room that imports another room is found, however it is written', async t => {
  for (const line of [
    "import { a } from '../parse/kit.ts'",
    "import type {\n  A\n} from '../parse/kit.ts'",
    "export * from '../parse/kit.ts'",
    "const a = await import('../parse/kit.ts')",
    "import '../parse/kit.ts'"
  ])
    t.same(faults('src/framing/lines.ts', line), ['src/framing/lines.ts imports src/parse/kit.ts'], line)
  t.same(faults('parsers/x.ts', "import { scan } from '../src/parse/grammar/cef.ts'"), ['parsers/x.ts imports src/parse/grammar/cef.ts'])
  t.same(faults('parsers/checkpoint.ts', "import { native } from './checkpoint/fields.ts'"), [])
  for (const file of ['parsers/x.ts', 'parsers/cato.ts', 'src/parse/kit.ts'])
    t.equal(
      faults(file, `import { native } from '${relative(dirname(file), 'parsers/checkpoint/fields.ts').replace(/^(?!\.)/, './')}'`).length,
      1,
      file
    )
  t.equal(faults('parsers/checkpoint/xml.ts', "import { scan } from '../../src/parse/grammar/cef.ts'").length, 1)
  t.same(faults('src/newroom/x.ts', ''), ['src/newroom/x.ts is in no rule'])
})

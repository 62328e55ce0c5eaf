/** The Dockerfile: few rights, no secret, any platform, nothing that moves under one's feet. docker/smoke.sh sees the image itself. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/lib/package-root.ts'

const read = (path: string): string => readFileSync(join(packageRoot(), path), 'utf8')

interface Instruction {
  word: string
  rest: string
}

/** Instructions in their order: comments are dropped, continued lines are one. */
function instructionsOf(text: string): Instruction[] {
  const whole = text.replaceAll(/^\s*#.*\n/gm, '').replaceAll(/\\\n\s*/g, '')
  return whole
    .split('\n')
    .filter(line => line.trim() !== '')
    .map(line => {
      const [, word, rest] = /^([A-Z]+) (.*)$/.exec(line) ?? []
      if (word === undefined) throw new Error(`no instruction: ${line}`)
      return { word, rest: rest! }
    })
}

const dockerfile = read('docker/Dockerfile')
const all = instructionsOf(dockerfile)
const lastStage = all.slice(all.findLastIndex(({ word }) => word === 'FROM'))
const rests = (instructions: readonly Instruction[], wanted: string): string[] =>
  instructions.filter(({ word }) => word === wanted).map(({ rest }) => rest)

t.test('every stage starts from the base image that an ARG names, or from another stage', async t => {
  const [base] = rests(all, 'ARG')
  t.match(base, /^NODE_IMAGE=node:24-/)
  t.notMatch(dockerfile, /:latest\b/)
  t.notMatch(dockerfile, /^# *syntax=/m, 'a front end would be pulled at each build')
  const stages = rests(all, 'FROM').map(rest => rest.split(' AS ')[1])
  for (const rest of rests(all, 'FROM')) {
    const from = rest.split(' ')[0]!
    // biome-ignore lint/suspicious/noTemplateCurlyInString: of the Dockerfile
    t.ok(from === '${NODE_IMAGE}' || stages.includes(from), from)
  }
})

t.test('it runs with a numeric user that is not root, under an init, and ends by SIGTERM', async t => {
  const users = rests(lastStage, 'USER')
  t.equal(users.length, 1)
  t.match(users[0], /^[1-9]\d{3,}:[1-9]\d{3,}$/, 'Kubernetes checks runAsNonRoot by number')
  t.ok(lastStage.findIndex(({ word }) => word === 'USER') > lastStage.findLastIndex(({ word }) => word === 'RUN' || word === 'COPY'))
  t.same(JSON.parse(rests(lastStage, 'ENTRYPOINT')[0]!), ['tini', '--', 'sluice'], 'exec form, or signals do not arrive')
  t.same(rests(lastStage, 'STOPSIGNAL'), ['SIGTERM'])
})

t.test('it has a health check in exec form and a volume for what waits', async t => {
  t.match(
    rests(lastStage, 'HEALTHCHECK')[0],
    /^--interval=\d+s --timeout=\d+s --start-period=\d+s --retries=\d+ CMD \["sluice", "healthcheck"\]$/
  )
  t.same(rests(lastStage, 'VOLUME'), ['/var/lib/sluice'])
})

t.test('no secret is in ENV, ARG or a file; builds get theirs by mounts', async t => {
  for (const rest of [...rests(all, 'ENV'), ...rests(all, 'ARG')]) t.notMatch(rest, /token|secret|password|registry|_key/i)
  for (const rest of rests(all, 'COPY')) t.notMatch(rest, /npmrc|\.pem|secret/i)
  for (const rest of rests(all, 'RUN').filter(rest => rest.includes('npm ci'))) t.match(rest, /--mount=type=secret,id=npmrc/)
})

t.test('no step is for one architecture only', async t => {
  for (const { word, rest } of all) t.notMatch(`${word} ${rest}`, /x64|x86_64|amd64|arm64|aarch64|--platform/)
})

t.test('what is copied is in the project, and .dockerignore lets it through and nothing besides', async t => {
  const allowed = read('.dockerignore')
    .split('\n')
    .filter(line => line.startsWith('!'))
    .map(line => line.slice(1))
  const copied = rests(all, 'COPY')
    .filter(rest => !rest.startsWith('--from'))
    .flatMap(rest => rest.split(' ').slice(0, -1))
  for (const path of copied) t.ok(existsSync(join(packageRoot(), path)), path)
  t.same([...new Set(copied)].sort(), allowed.sort())
  t.match(read('.dockerignore'), /^\*$/m)
})

/** Completion is made from the table of verbs, and a real bash, zsh and fish complete by it. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runCommandLine } from '../../src/cli/command-line.ts'
import { optionsOf, VERBS } from '../../src/cli/verbs.ts'
import { testDir } from '../test-dir.ts'
import { memoryIo } from './memory-io.ts'

async function script(shell: string): Promise<string> {
  const io = memoryIo('/')
  t.equal(await runCommandLine(['completion', shell], io), 0)
  return io.out()
}

t.test('bash completes verbs, and the options of a verb', async t => {
  const file = join(testDir(t), 'sluice.bash')
  writeFileSync(file, await script('bash'))
  const complete = (...words: string[]): string[] => {
    const ask = `source ${file}; COMP_WORDS=(${words.map(word => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _sluice; printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout, stderr, status } = spawnSync('bash', ['-c', ask], { encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
    return stdout.trim().split('\n')
  }
  t.same(complete('sluice', 'stat'), ['status'])
  t.same(complete('sluice', 'guide', '--wa'), ['--way', '--wait'])
  t.ok(complete('sluice', 'help', 'd').includes('doctor'))
})

/** Runs a shell, or says which package brings it. */
function shell(name: 'zsh' | 'fish', args: string[], cwd: string): string {
  const { error, stdout, stderr, status } = spawnSync(name, args, { encoding: 'utf8', cwd, env: { ...process.env, HOME: cwd } })
  if (error) throw new Error(`${name} cannot be started: apt-get install ${name} (${error.message})`)
  if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`)
  return stdout
}

t.test('fish completes verbs with their meaning, options of the verb, and nothing of other verbs', async t => {
  const dir = testDir(t)
  writeFileSync(join(dir, 'sluice.fish'), await script('fish'))
  const complete = (line: string): string[] =>
    shell('fish', ['--no-config', '-c', `source sluice.fish; complete -C '${line}'`], dir)
      .trim()
      .split('\n')
  t.match(complete('sluice stat'), [/^status\t\w/])
  t.match(complete('sluice guide --wa'), [/^--wait\t/, /^--way\t/].sort())
  t.ok(complete('sluice help d').some(word => word.startsWith('doctor')))
  t.notOk(
    complete('sluice guide --out').some(word => word.startsWith('--outcome')),
    'of tap'
  )
})

t.test('zsh completes verbs, and the options of the verb', async t => {
  const dir = testDir(t)
  writeFileSync(join(dir, '_sluice'), await script('zsh'))
  // A zsh within zsh, on a terminal of its own: completion works on nothing less.
  writeFileSync(
    join(dir, 'ask.zsh'),
    `zmodload zsh/zpty || exit 3
zpty shell zsh -f -i
zpty -w shell "PS1= PROMPT= RPROMPT=; fpath=($PWD \\$fpath); autoload -Uz compinit; compinit -u -D; zstyle ':completion:*' list-grouped no; setopt no_beep; print -r READ''Y"
zpty -r -m shell line '*READY*'
zpty -w -n shell "$1"$'\\t\\t'
sleep 2
while zpty -r -t shell line; do print -rn -- "$line"; done
zpty -d shell
`
  )
  const complete = (line: string): string => shell('zsh', ['-f', 'ask.zsh', line], dir)
  t.match(complete('sluice stat'), /sluice status/)
  const options = complete('sluice guide --wa')
  t.match(options, /--wait/)
  t.match(options, /--way/)
  t.notMatch(options, /--outcome/)
  t.match(complete('sluice help doc'), /sluice help doctor/)
})

t.test('zsh and fish get every verb and every option', async t => {
  const [zsh, fish] = [await script('zsh'), await script('fish')]
  for (const verb of Object.keys(VERBS)) {
    t.match(zsh, `'${verb}:`)
    t.match(fish, `-a ${verb} `)
    for (const { name } of optionsOf(verb)) {
      t.match(zsh, `'${name}[`)
      t.match(fish, name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)
    }
  }
})

t.test('every option that a verb takes is in its help', async t => {
  t.same(
    optionsOf('tap').map(({ name, value }) => [name, value]),
    [
      ['--stage', 'STAGE'],
      ['--outcome', 'OUTCOME'],
      ['--source', 'NAME'],
      ['--limit', 'N'],
      ['--follow', undefined],
      ['-f', undefined],
      ['--config', 'FILE'],
      ['-c', 'FILE'],
      ['--url', 'URL'],
      ['--json', undefined]
    ]
  )
  for (const [verb, { usage }] of Object.entries(VERBS)) {
    const listed = optionsOf(verb).map(({ name }) => name)
    for (const [, name] of usage.split('\n')[0]!.matchAll(/\[(-{1,2}[a-z-]+)/g)) t.ok(listed.includes(name!), `${verb} ${name}`)
  }
})

t.test('an unknown shell is a usage error', async t => {
  const io = memoryIo('/')
  t.equal(await runCommandLine(['completion', 'tcsh'], io), 2)
  t.match(io.err(), /bash, zsh, fish/)
})

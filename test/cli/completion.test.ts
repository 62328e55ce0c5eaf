/** Completion is made from the table of verbs, and a real bash completes by it. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runCommandLine } from '../../src/cli/command-line.ts'
import { optionsOf, VERBS } from '../../src/cli/verbs.ts'
import { memoryIo } from './memory-io.ts'

async function script(shell: string): Promise<string> {
  const io = memoryIo('/')
  t.equal(await runCommandLine(['completion', shell], io), 0)
  return io.out()
}

t.test('bash completes verbs, and the options of a verb', async t => {
  const file = join(t.testdir({}), 'sluice.bash')
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

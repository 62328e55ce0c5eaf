/** `sluice completion SHELL`: completion of verbs and options, made from the table of verbs. */

import { EXIT, UsageError, type Verb } from './verb.ts'
import { optionsOf, VERBS } from './verbs.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const

export const completion: Verb = async ([shell, ...more], io) => {
  const make = SHELLS.find(one => one === shell)
  if (make === undefined || more.length > 0) throw new UsageError(`name one shell of ${SHELLS.join(', ')}`)
  io.stdout.write({ bash, zsh, fish }[make]())
  return EXIT.OK
}

const verbs = (): string[] => [...Object.keys(VERBS), 'help', 'version']
/** Options whose value is a file. */
const FILE_OPTIONS = ['--config', '-c', '--output', '-o', '--dir']

function bash(): string {
  const cases = Object.keys(VERBS).map(verb => `    ${verb}) words="${optionsOf(verb).map(({ name }) => name).join(' ')}" ;;`) // biome-ignore format: a table
  return `# sluice completion bash > /etc/bash_completion.d/sluice
_sluice() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} verb=\${COMP_WORDS[1]} words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${verbs().join(' ')}" -- "$cur"))
    return
  fi
  case $prev in ${FILE_OPTIONS.join('|')}) COMPREPLY=($(compgen -f -- "$cur")); return ;; esac
  case $verb in
${cases.join('\n')}
    help) words="${verbs().join(' ')}" ;;
  esac
  case $cur in
    -*) COMPREPLY=($(compgen -W "$words" -- "$cur")) ;;
    *) if [ "$verb" = help ]; then COMPREPLY=($(compgen -W "$words" -- "$cur")); else COMPREPLY=($(compgen -f -- "$cur")); fi ;;
  esac
}
complete -F _sluice sluice
`
}

/** Quotes and colons mean something in the specifications of zsh. */
const zshText = (text: string): string => text.replaceAll("'", '’').replaceAll(':', '\\:').replaceAll('[', '(').replaceAll(']', ')')

function zsh(): string {
  const described = Object.entries(VERBS).map(([verb, { summary }]) => `    '${verb}:${zshText(summary)}'`)
  const cases = Object.keys(VERBS).map(verb => {
    const specs = optionsOf(verb).map(
      ({ name, value, meaning }) =>
        `'${name}[${zshText(meaning)}]${value === undefined ? '' : `:${value}:${FILE_OPTIONS.includes(name) ? '_files' : ''}`}'`
    )
    return `    ${verb}) _arguments ${[...specs, "'*:file:_files'"].join(' ')} ;;`
  })
  return `#compdef sluice
# sluice completion zsh > "\${fpath[1]}/_sluice"
_sluice() {
  local -a verbs
  verbs=(
${described.join('\n')}
    'help:how a verb is used'
    'version:the version'
  )
  if (( CURRENT == 2 )); then
    _describe verb verbs
    return
  fi
  local verb=$words[2]
  shift words
  (( CURRENT-- ))
  case $verb in
${cases.join('\n')}
    help) _describe verb verbs ;;
  esac
}
_sluice "$@"
`
}

const fishText = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

function fish(): string {
  const lines = Object.entries(VERBS).flatMap(([verb, { summary }]) => [
    `complete -c sluice -n __fish_use_subcommand -f -a ${verb} -d ${fishText(summary)}`,
    ...optionsOf(verb).map(({ name, value, meaning }) => {
      const flag = name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`
      const takes = value === undefined ? '' : FILE_OPTIONS.includes(name) ? ' -r' : ' -x'
      return `complete -c sluice -n '__fish_seen_subcommand_from ${verb}' ${flag}${takes} -d ${fishText(meaning)}`
    })
  ])
  return `# sluice completion fish > ~/.config/fish/completions/sluice.fish\n${lines.join('\n')}\ncomplete -c sluice -n '__fish_seen_subcommand_from help' -f -a '${verbs().join(' ')}'\n`
}

/** Reads the command that the portal prints for Microsoft's collector: `(echo TOKEN) | docker run … starter`. */
import { type ParseEntry, parse } from 'shell-quote'
import { UsageError } from '../verb.ts'
import { type CollectorSettings, settingsOf, TCP_PORTS, UDP_PORTS } from './settings.ts'

const COMMAND_MAX_BYTES = 64 * 1024

/** Settings of the command, and whether it carries a token, which is neither kept nor printed. Throws UsageError. */
export function readRunCommand(text: string): { settings: CollectorSettings; hasToken: boolean } {
  if (text.length > COMMAND_MAX_BYTES) throw new UsageError('the run command is longer than 64 KiB')
  // A line that ends in \ (or ` in PowerShell) goes on in the next one; `$NAME` stays as it is written.
  const entries = parse(text.replace(/[\\`]\r?\n/g, ' '), name => `$${name}`)
  const words = entries.filter((entry): entry is string => typeof entry === 'string')
  const run = words.findIndex((word, index) => word === 'run' && /(?:^|\/)(?:docker|podman|nerdctl)$/.test(words[index - 1] ?? ''))
  if (run < 0) throw new UsageError('there is no "docker run" in the command; give the whole command that the portal printed')
  const variables: Record<string, string> = {}
  const ports: string[] = []
  for (let i = run + 1; i < words.length; i++) {
    const [option, inline] = splitOption(words[i]!)
    const value = (): string => inline ?? words[++i] ?? ''
    if (option === '-e' || option === '--env') {
      const [name = '', ...rest] = value().split('=')
      variables[name] = rest.join('=')
    } else if (option === '-p' || option === '--publish') ports.push(value())
    else if (option === '--name') variables.COLLECTOR ??= value()
  }
  const settings = settingsOf(variables)
  if (ports.length > 0) {
    settings.udpPorts = published(ports, 'udp', UDP_PORTS)
    settings.tcpPorts = published(ports, 'tcp', TCP_PORTS)
  }
  return { settings, hasToken: hasEcho(entries) }
}

/** `--env=X` and `-eX` carry their value with them. */
function splitOption(word: string): [option: string, value: string | undefined] {
  const long = /^(--[a-z-]+)=(.*)$/s.exec(word)
  if (long !== null) return [long[1]!, long[2]]
  return /^-[ep]./.test(word) ? [word.slice(0, 2), word.slice(2)] : [word, undefined]
}

/** Ports of the container that are published for a protocol, within the range that Microsoft's collector uses for syslog. */
function published(ports: readonly string[], protocol: 'udp' | 'tcp', { first, last }: { first: number; last: number }): number[] {
  const found: number[] = []
  for (const mapping of ports) {
    const [numbers = '', kind = 'tcp'] = mapping.split('/')
    const [from = 0, to = from] = (numbers.split(':').at(-1) ?? '').split('-').map(Number)
    if (kind.toLowerCase() !== protocol) continue
    for (let port = Math.max(from, first); port <= Math.min(to, last); port++) found.push(port)
  }
  return [...new Set(found)].sort((a, b) => a - b)
}

const hasEcho = (entries: readonly ParseEntry[]): boolean =>
  entries.some((entry, index) => entry === 'echo' && typeof entries[index + 1] === 'string')

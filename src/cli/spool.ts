/** `sluice spool ls|check|export|replay`: what waits, is it sound, give me the lines, upload again. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Config } from '../config/schema.ts'
import { loadForVerb } from './load-for-verb.ts'
import { spoolCheck } from './spool-check.ts'
import { spoolExport } from './spool-export.ts'
import { spoolList } from './spool-list.ts'
import { spoolReplay } from './spool-replay.ts'
import { type Io, UsageError, type Verb } from './verb.ts'

/** What each of the four is given. */
export interface SpoolCommand {
  config: Config
  /** Path of the configuration file as given, for the address of the admin server. */
  configPath: string | undefined
  /** The spool to look at: the configured one, or `--dir`. */
  dir: string
  /** True when `--dir` names another spool than the configured one. */
  isOther: boolean
  ids: string[]
  json: boolean
  output: string | undefined
  io: Io
}

const COMMANDS: Readonly<Record<string, (command: SpoolCommand) => Promise<number>>> = {
  ls: spoolList,
  check: spoolCheck,
  export: spoolExport,
  replay: spoolReplay
}

export const spool: Verb = async (args, io) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      dir: { type: 'string' },
      output: { type: 'string', short: 'o' },
      json: { type: 'boolean', default: false }
    }
  })
  const [name = '', ...ids] = positionals
  const run = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (run === undefined)
    throw new UsageError(`spool takes one of ${Object.keys(COMMANDS).join(', ')}${name ? `, not ${JSON.stringify(name)}` : ''}`)
  if (name === 'ls' && ids.length > 0) throw new UsageError('spool ls takes no segment')
  if ((name === 'export' || name === 'replay') && ids.length !== 1) throw new UsageError(`spool ${name} takes the ID of one segment`)
  if (values.output !== undefined && name !== 'export') throw new UsageError('--output is only for spool export')
  if (values.json && name === 'export') throw new UsageError('spool export gives out the lines as they are; it has no --json')
  const { config } = loadForVerb(values.config, io)
  const dir = values.dir === undefined ? config.spool.dir : resolve(io.cwd, values.dir)
  const isOther = resolve(io.cwd, config.spool.dir) !== resolve(dir)
  return run({ config, configPath: values.config, dir, isOther, ids, json: values.json, output: values.output, io })
}

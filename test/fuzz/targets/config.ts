// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
/** The configuration: every text is a configuration, or a list of faults with their places. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../../../src/config/faults.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { redactConfig } from '../../../src/config/redact.ts'
import { applianceIds } from '../../../src/lib/appliance-ids.ts'
import { templateFaults } from '../../../src/parse/template/compile.ts'
import { pathFault } from '../../../src/upload/archive/path.ts'
import type { FuzzTarget } from '../target.ts'

const CONFIG = join(import.meta.dirname, '../../../config')

export const configTargets: readonly FuzzTarget[] = [
  {
    name: 'config',
    maxBytes: 30_000,
    tokens: [
      '${A}',
      '${B:-x}',
      '${C:?m}',
      '$${',
      '&a [*a]',
      '<<: *a',
      '!!binary x',
      '? ',
      '- - ',
      '{',
      '}',
      ': null',
      '|\n',
      '"',
      "'",
      '__proto__: 1\n',
      'constructor: {}\n',
      '\ttab',
      '# '
    ],
    seeds: () => [
      ...readdirSync(CONFIG)
        .filter(name => name.endsWith('.yaml'))
        .map(name => readFileSync(join(CONFIG, name)))
        .map(text => (text.length < 6000 ? text : Buffer.from(text.toString().replaceAll(/^ *#.*\n/gm, '')))),
      Buffer.from('archive: { type: azure-blob, container: logs, connection_string: a, path: "{id}" }\n'),
      Buffer.from('sources: [{ name: a, template: { csv_header: "Date,Time,Source IP,URL" } }]\n'),
      Buffer.from('receivers: [{ type: ftp, listen: "127.0.0.1:2121", accounts: [{ name: a, password: "long enough" }] }]\n')
    ],
    check(input) {
      const options = {
        env: { A: 'a', B: '5' },
        cwd: '/nowhere',
        file: 'f.yaml',
        appliances: applianceIds(),
        checkTemplate: templateFaults,
        checkArchivePath: pathFault
      }
      try {
        const { config } = parseConfig(input.toString(), options)
        JSON.stringify(redactConfig(config))
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error
        if (error.faults.length === 0) throw new Error('refused without a fault')
        for (const { line, column, message } of error.faults)
          if (!(line >= 1) || !(column >= 1) || message === '') throw new Error(`fault ${JSON.stringify({ line, column, message })}`)
      }
    }
  }
]

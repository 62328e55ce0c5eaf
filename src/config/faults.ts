/** What is wrong with a configuration, all of it at once. */
import { CollectorError } from '../errors.ts'

/** One fault of the configuration file. */
export interface Fault {
  /** Path of the value, such as `receivers[0].listen`; empty for the file as a whole. */
  path: string
  /** From 1; of the key or value in the file, or of what is around it when it is missing. */
  line: number
  column: number
  message: string
}

/** CONFIG_INVALID with every fault; `file` is what the faults' lines refer to. */
export class ConfigError extends CollectorError {
  readonly file: string
  readonly faults: readonly Fault[]

  constructor(file: string, faults: readonly Fault[]) {
    super(
      'CONFIG_INVALID',
      `Cannot use the configuration ${file}: ${faults.length === 1 ? 'one fault' : `${faults.length} faults`}\n${formatFaults(file, faults).join('\n')}`
    )
    this.name = 'ConfigError'
    this.file = file
    this.faults = faults
  }
}

/** One line per fault: `file:line:column: path: message`. */
export function formatFaults(file: string, faults: readonly Fault[]): string[] {
  return faults.map(fault => `${file}:${fault.line}:${fault.column}: ${fault.path === '' ? '' : `${fault.path}: `}${fault.message}`)
}

/** Keys and indexes from the root to a value. */
export type Path = readonly (string | number)[]

/** `receivers[0].listen`. */
export function formatPath(path: Path): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('')
}

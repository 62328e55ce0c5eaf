/**
 * How far the log of Menlo was fetched: the window that is next or under way, and the page in it. One small JSON file, replaced
 * as a whole after each page whose events are durable.
 */
import { CollectorError } from '../errors.ts'
import { readState, replaceState } from './state-file.ts'

export interface MenloPosition {
  /** Unix seconds. Everything before is fetched. */
  start: number
  /** End of the window under way; undefined between windows. */
  end?: number
  /** Identifiers of the next page of that window; undefined for the first. */
  paging?: unknown
}

/** Undefined when there is none yet; one that cannot be understood is CONFIG_INVALID, since to go on would lose or double. */
export async function loadPosition(path: string): Promise<MenloPosition | undefined> {
  try {
    const text = await readState(path)
    if (text === undefined) return undefined
    const { version, ...position } = JSON.parse(text) as MenloPosition & { version: number }
    if (version !== 1) throw new Error(`version ${version} is not known`)
    if (!Number.isInteger(position.start)) throw new Error('it has no start')
    return position
  } catch (error) {
    const remedy = 'it must be readable; remove it to begin anew'
    throw new CollectorError('CONFIG_INVALID', `Cannot use the position file "${path}": ${(error as Error).message}; ${remedy}`, {
      cause: error
    })
  }
}

/** Durable when it resolves. */
export const savePosition = (path: string, position: MenloPosition): Promise<void> =>
  replaceState(path, JSON.stringify({ version: 1, ...position }))

/** The parsers' fixtures: `test/fixtures/<parser>/<name>.log` with one frame a line, and `<name>.expected.jsonl` with one answer each. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'

const FOLDER = new URL('../fixtures/', import.meta.url)

/** Fixtures are read as if it were this time, in UTC. */
export const FIXTURE_NOW = Date.parse('2026-02-01T00:00:00Z')

export interface Fixture {
  parser: string
  name: string
  /** Frames as they stand in the file, line feed included. */
  bytes: Buffer
  lines: string[]
  expected: Record<string, unknown>[]
}

export function fixtures(): Fixture[] {
  return readdirSync(FOLDER)
    .filter(name => statSync(new URL(name, FOLDER)).isDirectory())
    .sort()
    .flatMap(parser => {
      const folder = new URL(`${parser}/`, FOLDER)
      return readdirSync(folder)
        .filter(name => name.endsWith('.log'))
        .sort()
        .map(file => {
          const name = file.slice(0, -'.log'.length)
          const bytes = readFileSync(new URL(file, folder))
          const expectedUrl = new URL(`${name}.expected.jsonl`, folder)
          if (!existsSync(expectedUrl)) throw new Error(`Fixture ${parser}/${file} has no ${name}.expected.jsonl`)
          const lines = bytes.toString('utf8').split('\n').slice(0, -1)
          const expected = readFileSync(expectedUrl, 'utf8')
            .split('\n')
            .filter(line => line !== '')
            .map(line => JSON.parse(line) as Record<string, unknown>)
          return { parser, name, bytes, lines, expected }
        })
    })
}

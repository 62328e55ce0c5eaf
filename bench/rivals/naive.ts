/** The naive collector in Node as a child process. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Collector, ended, measuresOf, newFolder, PORTS, startProgram } from '../collectors.ts'
import { until } from '../measure.ts'

const PROGRAM = fileURLToPath(new URL('./naive-program.ts', import.meta.url))

export async function startNaive(): Promise<Collector> {
  const dir = newFolder()
  const count = join(dir, 'count')
  const child = await startProgram(process.execPath, [PROGRAM, String(PORTS.naive), dir], () =>
    until('the naive collector to listen', () => existsSync(count))
  )
  return {
    name: 'naive Node, gzip 1',
    port: PORTS.naive,
    ...measuresOf(child),
    linesDone: async () => Number(readFileSync(count, 'utf8')),
    stop: () => ended(child, dir)
  }
}

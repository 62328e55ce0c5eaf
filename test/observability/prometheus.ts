/** A real Prometheus, from Debian's `prometheus`, that scrapes each second. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { stringify } from 'yaml'
import { spawn } from '../child-kit.ts'
import { until } from '../integration/collector-kit.ts'

export interface Sample {
  metric: Record<string, string>
  /** Of an instant query. */
  value?: [timeSeconds: number, value: string]
  /** Of a query over a range. */
  values?: [timeSeconds: number, value: string][]
}

export interface FiringAlert {
  labels: Record<string, string>
  annotations: Record<string, string>
  state: 'pending' | 'firing'
}

export class Prometheus {
  readonly url: string

  constructor(url: string) {
    this.url = url
  }

  /** Result of an expression now. Rejects, with what Prometheus says, when it cannot be evaluated. */
  async query(expr: string): Promise<Sample[]> {
    return ((await this.#get('query', { query: expr })) as { result: Sample[] }).result
  }

  async queryRange(expr: string, fromMs: number, toMs: number, stepSeconds: number): Promise<Sample[]> {
    const range = { start: String(fromMs / 1000), end: String(toMs / 1000), step: String(stepSeconds) }
    return ((await this.#get('query_range', { query: expr, ...range })) as { result: Sample[] }).result
  }

  async alerts(): Promise<FiringAlert[]> {
    return ((await this.#get('alerts', {})) as { alerts: FiringAlert[] }).alerts
  }

  async #get(path: string, parameters: Record<string, string>): Promise<unknown> {
    const response = await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(parameters)}`)
    const answer = (await response.json()) as { status: string; error?: string; data: unknown }
    if (answer.status !== 'success') throw new Error(`Prometheus says to ${parameters.query ?? path}: ${answer.error}`)
    return answer.data
  }
}

/** Starts one in `dir` that scrapes `target` (host:port) under the job `sluice`, with these files of rules. */
export async function startPrometheus(t: Test, dir: string, target: string, ruleFiles: readonly string[]): Promise<Prometheus> {
  const config = join(dir, 'prometheus.yml')
  const global = { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' }
  const scrape = { job_name: 'sluice', static_configs: [{ targets: [target] }] }
  writeFileSync(config, stringify({ global, rule_files: ruleFiles, scrape_configs: [scrape] }))
  const flags = [`--config.file=${config}`, `--storage.tsdb.path=${join(dir, 'series')}`, '--web.listen-address=127.0.0.1:0']
  const child = spawn('prometheus', flags, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = Promise.race([once(child, 'exit'), once(child, 'error')])
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended.catch(() => undefined)
  })
  const said: string[] = []
  const address = await new Promise<string>((resolve, reject) => {
    child.once('error', error => reject(new Error(`prometheus cannot be run; it is Debian's package of that name: ${error.message}`)))
    child.once('exit', code => reject(new Error(`prometheus ended with ${code}: ${said.join('\n')}`)))
    createInterface(child.stderr).on('line', line => {
      said.push(line)
      const [, found] = /msg="Listening on" address=(\S+)/.exec(line) ?? []
      if (found !== undefined) resolve(found)
    })
  })
  const url = `http://${address}`
  await until('Prometheus is ready', async () => (await fetch(`${url}/-/ready`)).ok)
  return new Prometheus(url)
}

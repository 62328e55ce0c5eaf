/** The recording and alert rules under config/prometheus/, asked by promtool with series made for each alert. */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse, stringify } from 'yaml'
import { packageRoot } from '../../src/lib/package-root.ts'
import { CATALOGUE, PREFIX } from '../../src/telemetry/catalogue.ts'
import { scratchDir, testDir } from '../test-dir.ts'
import { ALERT_CASES } from './alert-cases.ts'
import type { AlertCase } from './alert-series.ts'
import { anchorsOf } from './anchors.ts'
import { promtool } from './promtool.ts'

interface Rule {
  alert?: string
  record?: string
  expr: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}
interface RuleFile {
  groups: { name: string; rules: Rule[] }[]
}

const DIR = join(packageRoot(), 'config/prometheus')
const FILES = ['sluice-recording.yml', 'sluice-alerts.yml']
const load = (file: string): RuleFile => parse(readFileSync(join(DIR, file), 'utf8')) as RuleFile
const rules = FILES.flatMap(file => load(file).groups.flatMap(group => group.rules))
const alerts = rules.flatMap(rule => (rule.alert === undefined ? [] : [{ ...rule, alert: rule.alert }]))

t.setTimeout(600_000)

t.test('promtool takes the rules, and the configuration of Prometheus that names them', async t => {
  t.match(promtool(['check', 'rules', ...FILES.map(file => join(DIR, file))]), { code: 0 })
  const dir = testDir(t, { token: 'a' })
  const config = readFileSync(join(DIR, 'prometheus.yml'), 'utf8')
  t.match(config, '/run/secrets/admin_token')
  writeFileSync(join(dir, 'prometheus.yml'), config.replace('/run/secrets/admin_token', join(dir, 'token')))
  for (const file of FILES) copyFileSync(join(DIR, file), join(dir, file))
  t.match(promtool(['check', 'config', join(dir, 'prometheus.yml')]), { code: 0, output: /2 rule files found/ })
})

t.test('rules name only metrics of the catalogue, or what another rule records', async t => {
  const known = new Set([...Object.keys(CATALOGUE).map(name => PREFIX + name), ...rules.flatMap(({ record }) => record ?? [])])
  for (const { expr, alert, record } of rules)
    for (const [name] of expr.matchAll(/\bsluice[_:][a-z0-9_:]+/g)) t.ok(known.has(name), `${alert ?? record} names ${name}`)
})

t.test('each alert says how bad it is, what is so, and where its section in the operations page is', async t => {
  const anchors = anchorsOf(readFileSync(join(packageRoot(), 'docs/operations.md'), 'utf8'))
  for (const { alert, labels, annotations } of alerts) {
    t.match(labels?.severity, /^(critical|warning)$/, alert)
    t.match(annotations?.summary, /\w/, alert)
    t.match(annotations?.description, /\.$/, alert)
    const [file, anchor] = (annotations?.runbook_url ?? '').split('#')
    t.equal(file, 'docs/operations.md', alert)
    t.ok(anchors.has(anchor!), `docs/operations.md has a section #${anchor}`)
  }
})

t.test('each alert has a case in which it fires, and one in which it does not', async t => {
  for (const { alert } of alerts) {
    const cases = ALERT_CASES.filter(one => one.alert === alert)
    t.ok(
      cases.some(({ fires }) => fires.length > 0),
      `${alert} fires`
    )
    t.ok(
      cases.some(({ fires }) => fires.length === 0),
      `${alert} is quiet`
    )
  }
  for (const { alert } of ALERT_CASES)
    t.ok(
      alerts.some(rule => rule.alert === alert),
      `there is an alert ${alert}`
    )
})

t.test('alerts fire when they should, and only then', async t => {
  const dir = scratchDir('rules')
  t.teardown(() => rmSync(dir, { recursive: true }))
  for (const { alert } of alerts) {
    for (const file of FILES) writeFileSync(join(dir, file), plainRules(file, alert))
    for (const step of ['1m', '4m'] as const) {
      const cases = ALERT_CASES.filter(one => one.alert === alert && (one.step ?? '1m') === step)
      if (cases.length === 0) continue
      const file = join(dir, 'cases.yml')
      writeFileSync(file, stringify({ rule_files: FILES, evaluation_interval: step, tests: cases.map(ruleTest) }))
      const { code, output } = promtool(['test', 'rules', file])
      t.equal(code, 0, `${alert}: ${cases.length} cases${code === 0 ? '' : `\n${output}`}`)
    }
  }
})

/** A file of rules with that one alert only. promtool compares rendered annotations, whose words are not tested here. */
function plainRules(file: string, alert: string): string {
  const groups = load(file).groups.map(group => ({
    ...group,
    rules: group.rules.filter(rule => rule.alert === undefined || rule.alert === alert).map(({ annotations: _, ...rule }) => rule)
  }))
  return stringify({ groups: groups.filter(({ rules }) => rules.length > 0) })
}

const TARGET = { job: 'sluice', instance: 'collector:9600' }

function ruleTest({ alert, when, series, at, fires }: AlertCase): object {
  const { severity = '' } = alerts.find(rule => rule.alert === alert)?.labels ?? {}
  const withLabels = (labels: Readonly<Record<string, string>>): object => {
    const all = Object.entries({ ...TARGET, ...labels, severity })
    return { exp_labels: Object.fromEntries(all.filter(([, value]) => value !== '')) }
  }
  return {
    name: `${alert}: ${when}`,
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: withTarget(name), values })),
    alert_rule_test: [{ alertname: alert, eval_time: at, exp_alerts: fires.map(withLabels) }]
  }
}

/** The labels that a scrape adds, unless the series has its own. */
function withTarget(series: string): string {
  const [name, inner = ''] = series.replace(/\}$/, '').split('{')
  const missing = Object.entries(TARGET).filter(([label]) => !new RegExp(`\\b${label}=`).test(inner))
  const labels = [...missing.map(([label, value]) => `${label}="${value}"`), ...(inner === '' ? [] : [inner])]
  return `${name}{${labels.join(',')}}`
}

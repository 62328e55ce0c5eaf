/** The compose profile `observability`: what it mounts is there and fits together, and it runs with few rights. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { packageRoot } from '../../src/lib/package-root.ts'
import { dashboards } from './dashboard.ts'

interface Service {
  profiles?: string[]
  image: string
  command?: string[]
  environment?: Record<string, string>
  ports: string[]
  volumes: string[]
  secrets: string[]
  read_only?: boolean
  cap_drop?: string[]
  security_opt?: string[]
}
interface Compose {
  services: Record<'sluice' | 'prometheus' | 'grafana', Service>
  volumes: Record<string, unknown>
  secrets: Record<string, { file: string }>
}

const DOCKER = join(packageRoot(), 'docker')
const load = (...path: string[]): unknown => parse(readFileSync(join(packageRoot(), ...path), 'utf8'))
const compose = load('docker/compose.yaml') as Compose
const { prometheus, grafana, sluice } = compose.services
/** Where a service finds a file or folder of ours. */
const mounted = (service: Service): Map<string, string> =>
  new Map(
    service.volumes.filter(volume => volume.startsWith('.')).map(volume => [volume.split(':')[1]!, join(DOCKER, volume.split(':')[0]!)])
  )

t.test('without the profile the collector runs alone', async t => {
  t.equal(sluice.profiles, undefined)
  t.same([prometheus.profiles, grafana.profiles], [['observability'], ['observability']])
})

t.test('both run with few rights, on loopback, with our files read-only and images of a version', async t => {
  for (const service of [prometheus, grafana]) {
    t.equal(service.read_only, true)
    t.same(service.cap_drop, ['ALL'])
    t.same(service.security_opt, ['no-new-privileges:true'])
    for (const port of service.ports) t.match(port, /^127\.0\.0\.1:/)
    for (const volume of service.volumes.filter(volume => volume.startsWith('.'))) t.match(volume, /:ro$/, volume)
    t.match(service.image, /:v?\d+\.\d+\.\d+\}$/)
    for (const secret of service.secrets) t.ok(Object.hasOwn(compose.secrets, secret), secret)
  }
})

t.test('every file and folder that is mounted is in the project, every named volume is declared', async t => {
  for (const service of [sluice, prometheus, grafana]) {
    for (const path of mounted(service).values()) t.ok(existsSync(path), path)
    for (const volume of service.volumes.filter(volume => !volume.startsWith('.')))
      t.ok(Object.hasOwn(compose.volumes, volume.split(':')[0]!), volume)
  }
})

t.test('Prometheus is told its configuration, scrapes the collector by name, with the token it is given', async t => {
  const flag = prometheus.command?.find(argument => argument.startsWith('--config.file=')) ?? ''
  const path = flag.slice('--config.file='.length)
  const folder = mounted(prometheus).get('/etc/prometheus')!
  const config = parse(readFileSync(join(folder, path.slice('/etc/prometheus/'.length)), 'utf8')) as {
    rule_files: string[]
    scrape_configs: { authorization: { credentials_file: string }; static_configs: { targets: string[] }[] }[]
  }
  for (const file of config.rule_files) t.ok(statSync(join(folder, file)).isFile(), file)
  const [job] = config.scrape_configs
  t.ok(prometheus.secrets.some(secret => job!.authorization.credentials_file === `/run/secrets/${secret}`))
  const admin = (load('docker/sluice.yaml') as { admin: { listen: string } }).admin.listen
  t.same(job!.static_configs, [{ targets: [`sluice:${admin.split(':').at(-1)}`] }])
})

t.test('Grafana has no default password, its data source is that Prometheus, and its dashboards are ours', async t => {
  const { environment = {} } = grafana
  t.notHas(environment, { GF_SECURITY_ADMIN_PASSWORD: /./ })
  t.ok(grafana.secrets.some(secret => environment.GF_SECURITY_ADMIN_PASSWORD__FILE === `/run/secrets/${secret}`))
  t.notHas(environment, { GF_AUTH_ANONYMOUS_ENABLED: 'true' })
  const provisioning = mounted(grafana).get('/etc/grafana/provisioning')!
  const { datasources } = parse(readFileSync(join(provisioning, 'datasources/sluice.yml'), 'utf8')) as {
    datasources: { type: string; url: string }[]
  }
  t.match(datasources, [{ type: 'prometheus', url: 'http://prometheus:9090' }])
  const { providers } = parse(readFileSync(join(provisioning, 'dashboards/sluice.yml'), 'utf8')) as {
    providers: { options: { path: string } }[]
  }
  const folder = mounted(grafana).get(providers[0]!.options.path)!
  t.equal(folder, join(packageRoot(), 'config/grafana/dashboards'))
  const home = environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH!
  const found = JSON.parse(readFileSync(join(folder, home.slice('/etc/grafana/dashboards/'.length)), 'utf8')) as { uid: string }
  t.ok(dashboards().some(({ uid }) => uid === found.uid))
})

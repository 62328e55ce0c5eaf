/** The compose file's collector: what the container may do, where its data and secrets are. docker/smoke.sh runs it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { applianceIds } from '../../src/lib/appliance-ids.ts'
import { packageRoot } from '../../src/lib/package-root.ts'
import { testDir } from '../test-dir.ts'

interface Service {
  image: string
  ports: string[]
  volumes: string[]
  secrets: string[]
  environment?: unknown
  user?: string
  privileged?: boolean
  cap_add?: string[]
  read_only: boolean
  tmpfs: string[]
  cap_drop: string[]
  security_opt: string[]
  mem_limit: string
  pids_limit: number
  healthcheck: { test: string[]; interval: string; timeout: string; start_period: string; retries: number }
  stop_grace_period: string
  restart: string
}
const DOCKER = join(packageRoot(), 'docker')
const compose = parse(readFileSync(join(DOCKER, 'compose.yaml'), 'utf8')) as { services: Record<string, Service>; name?: string }
const sluice = compose.services.sluice!

t.test('the container has a read-only root, no capability, no way to more, and bounds', async t => {
  t.equal(sluice.read_only, true)
  t.same(sluice.cap_drop, ['ALL'])
  t.same(sluice.security_opt, ['no-new-privileges:true'])
  t.same([sluice.privileged, sluice.cap_add, sluice.user], [undefined, undefined, undefined], 'the user is that of the image')
  for (const entry of sluice.tmpfs) t.match(entry, /:size=\d+m/)
  t.match(sluice.mem_limit, /:-\d+[mg]\}$/)
  t.ok(sluice.pids_limit > 0)
})

t.test('port 514 is published to 5514, which needs no privilege, for UDP and TCP; the admin server on loopback only', async t => {
  const syslog = sluice.ports.filter(port => port.includes(':5514'))
  t.same(
    syslog.map(port => port.replace(/^\$\{SLUICE_SYSLOG:-(\d+)\}/, '$1')),
    ['514:5514/udp', '514:5514/tcp']
  )
  for (const port of sluice.ports.filter(port => port.includes(':9600'))) t.match(port, /^127\.0\.0\.1:/)
})

t.test('secrets are files, of which the configuration knows; none is in the environment', async t => {
  t.equal(sluice.environment, undefined)
  t.same(sluice.secrets, ['admin_token'])
  const path = join(testDir(t, { 'sluice.yaml': '', admin_token: 'a'.repeat(64) }), 'sluice.yaml')
  const text = readFileSync(join(DOCKER, 'sluice.yaml'), 'utf8')
  t.match(text, '/run/secrets/admin_token')
  writeFileSync(path, text.replaceAll('/run/secrets', join(path, '..')))
  const { config, warnings } = loadConfig({ path, env: {}, cwd: DOCKER, appliances: applianceIds() })
  t.same(warnings, [])
  t.match(config.spool.dir, /^\/var\/lib\/sluice\//, 'the spool is on the volume')
  t.ok(sluice.volumes.includes('spool:/var/lib/sluice'))
})

t.test('the stop has more time than it takes at most, the health is asked of the collector itself', async t => {
  t.ok(Number.parseInt(sluice.stop_grace_period, 10) > 10)
  const { test, interval, timeout, start_period, retries } = sluice.healthcheck
  t.same(test, ['CMD', 'sluice', 'healthcheck'])
  const flags = `--interval=${interval} --timeout=${timeout} --start-period=${start_period} --retries=${retries}`
  t.ok(readFileSync(join(DOCKER, 'Dockerfile'), 'utf8').includes(`HEALTHCHECK ${flags} `), 'the same as in the image')
  t.equal(sluice.restart, 'unless-stopped')
})

t.test('no image is named latest, and an old docker-compose reads the file', async t => {
  for (const [name, { image }] of Object.entries(compose.services)) t.notMatch(image, /:latest/, name)
  t.equal(compose.name, undefined, 'docker-compose 1.29 refuses it')
})

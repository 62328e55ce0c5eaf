import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PrometheusRule, ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'
import { Ajv } from 'ajv'
import { StatefulSet } from 'kubernetes-models/apps/v1'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { ConfigMap, Pod, Secret, Service, ServiceAccount } from 'kubernetes-models/v1'
import t from 'tap'
import { parseConfig } from '../../src/config/load.ts'
import { applianceIds } from '../../src/lib/appliance-ids.ts'
import { testDir } from '../test-dir.ts'
import { buildRenderer, CHART, defaultValues, type Manifest, render, type Values } from './chart-kit.ts'

const KINDS = {
  StatefulSet,
  NetworkPolicy,
  PodDisruptionBudget,
  ConfigMap,
  Pod,
  Secret,
  Service,
  ServiceAccount,
  PrometheusRule,
  ServiceMonitor
} as unknown as Record<string, new (manifest: Manifest) => { validate(): void }>

const program = buildRenderer(testDir(t))
const fits = new Ajv({ allErrors: true, strict: false }).compile(JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')))

/** Everything switched on, and what is a list has two entries. */
const FULL: Values = {
  ...defaultValues(),
  replicas: 2,
  imagePullSecrets: [{ name: 'registry' }],
  secrets: [
    { name: 'mdca', secretName: 'sluice-mdca' },
    { name: 'tls', secretName: 'sluice-tls' }
  ],
  config: {
    tenant: {
      url: 'https://contoso.us2.portal.cloudappsecurity.com',
      auth: { tenant_id: 'a', client_id: 'b', client_secret_file: '/run/secrets/mdca/secret' }
    },
    receivers: [
      { type: 'syslog', listen: '0.0.0.0:5514' },
      { type: 'relp', listen: '0.0.0.0:2514' }
    ],
    sources: [{ name: 'HQ', appliance: 'fortinet-fortigate', from: { peers: ['10.1.0.0/16'] } }, { name: 'Others' }]
  },
  service: {
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    loadBalancerSourceRanges: ['10.0.0.0/8'],
    annotations: { 'example.com/pool': 'logs' },
    udp: { enabled: true, ports: [{ name: 'syslog-udp', port: 514, targetPort: 5514 }] },
    tcp: {
      enabled: true,
      ports: [
        { name: 'syslog-tcp', port: 514, targetPort: 5514 },
        { name: 'relp', port: 2514, targetPort: 2514 }
      ]
    }
  },
  networkPolicy: { enabled: true, senders: ['10.0.0.0/8', '2001:db8::/32'], monitoring: [{ podSelector: {} }], egressPorts: [443, 3128] },
  serviceMonitor: { enabled: true, interval: '30s', labels: { release: 'prometheus' } },
  prometheusRule: { enabled: true, labels: { release: 'prometheus' } },
  dashboard: { enabled: true, labels: { grafana_dashboard: '1' } },
  nodeSelector: { disk: 'ssd' },
  tolerations: [{ key: 'logs', operator: 'Exists' }],
  podAnnotations: { 'example.com/owner': 'network' }
}

for (const [name, values] of [
  ['default', defaultValues()],
  ['full', FULL]
] as const) {
  t.test(`with ${name} values`, async t => {
    t.ok(fits(values), JSON.stringify(fits.errors))
    const manifests = render(program, values)

    t.test('every manifest fits the schemas of Kubernetes and of the Prometheus operator', async t => {
      t.ok(manifests.size >= 9)
      for (const [title, manifest] of manifests) {
        const Kind = KINDS[manifest.kind]
        t.ok(Kind, `${title} has a schema`)
        t.doesNotThrow(() => new Kind!(manifest).validate(), title)
      }
    })

    t.test('the configuration loads, and listens where the services lead', async t => {
      const text: string = manifests.get('ConfigMap logs-sluice')!.data['sluice.yaml']
      const cwd = testDir(t, { token: 'a token of the test' })
      const { config, warnings } = parseConfig(text.replaceAll(/\/run\/secrets\/\w+\/\w+/g, join(cwd, 'token')), {
        file: 'sluice.yaml',
        env: {},
        cwd,
        appliances: applianceIds()
      })
      t.same(warnings, [])
      t.equal(config.spool.dir, '/var/lib/sluice/spool')
      const listening = config.receivers.map(receiver => Number('listen' in receiver && receiver.listen.split(':').at(-1)))
      for (const protocol of ['udp', 'tcp'])
        for (const { targetPort } of manifests.get(`Service logs-sluice-${protocol}`)!.spec.ports) t.ok(listening.includes(targetPort))
    })

    t.test('UDP and TCP are services of their own, which keep the address of the sender', async t => {
      for (const protocol of ['UDP', 'TCP']) {
        const { spec } = manifests.get(`Service logs-sluice-${protocol.toLowerCase()}`)!
        t.equal(spec.externalTrafficPolicy, 'Local')
        t.ok(spec.ports.every((port: { protocol: string }) => port.protocol === protocol))
      }
    })

    t.test('the pod has few rights and a disk that stays', async t => {
      const { spec } = manifests.get('StatefulSet logs-sluice')!
      const { securityContext, containers, automountServiceAccountToken } = spec.template.spec
      t.match(securityContext, { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: 'RuntimeDefault' } })
      t.match(containers[0].securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] }
      })
      t.equal(automountServiceAccountToken, false)
      t.match(spec.persistentVolumeClaimRetentionPolicy, { whenDeleted: 'Retain' })
      t.ok(spec.template.spec.terminationGracePeriodSeconds > 10, 'longer than a stop may take')
    })

    t.test('selectors meet: services, budget and policy select the pod, the network policy lets in what it listens to', async t => {
      const { spec } = manifests.get('StatefulSet logs-sluice')!
      const { labels } = spec.template.metadata
      const selects = (selector: Record<string, string>): boolean => Object.entries(selector).every(([key, value]) => labels[key] === value)
      for (const manifest of manifests.values())
        if (manifest.kind === 'Service') t.ok(selects(manifest.spec.selector), manifest.metadata.name)
      t.ok(selects(manifests.get('PodDisruptionBudget logs-sluice')!.spec.selector.matchLabels))
      const policy = manifests.get('NetworkPolicy logs-sluice')!.spec
      t.ok(selects(policy.podSelector.matchLabels))
      const open = policy.ingress.flatMap(({ ports }: { ports: { port: unknown; protocol: string }[] }) => ports)
      for (const { name, containerPort, protocol } of spec.template.spec.containers[0].ports)
        t.ok(
          open.some(
            (one: { port: unknown; protocol: string }) => one.protocol === protocol && (one.port === containerPort || one.port === name)
          )
        )
    })
  })
}

t.test('the monitor finds the admin service and its token; rules and dashboard are those of the project', async t => {
  const manifests = render(program, FULL)
  const monitor = manifests.get('ServiceMonitor logs-sluice')!.spec
  const { labels } = manifests.get('Service logs-sluice')!.metadata
  for (const [key, value] of Object.entries(monitor.selector.matchLabels)) t.equal(labels![key], value)
  t.match(monitor.endpoints[0].authorization.credentials, { name: manifests.get('Secret logs-sluice-admin')!.metadata.name, key: 'token' })
  const project = join(CHART, '../..')
  for (const [file, original] of [
    ['sluice-alerts.yml', 'config/prometheus/sluice-alerts.yml'],
    ['sluice-recording.yml', 'config/prometheus/sluice-recording.yml'],
    ['sluice.json', 'config/grafana/dashboards/sluice.json']
  ])
    t.equal(
      readFileSync(join(CHART, 'files', file!), 'utf8'),
      readFileSync(join(project, original!), 'utf8'),
      `run: npm run docs (${file})`
    )
  t.ok(manifests.get('PrometheusRule logs-sluice-alerts')!.spec.groups.length > 0)
  t.ok(JSON.parse(manifests.get('ConfigMap logs-sluice-dashboard')!.data['sluice.json']).panels.length > 0)
})

t.test('what is switched off is not there, and a secret of the user is taken instead of a made one', async t => {
  const manifests = render(program, {
    ...defaultValues(),
    admin: { existingSecret: 'ours' },
    podDisruptionBudget: { enabled: false },
    networkPolicy: { enabled: false },
    service: { ...(defaultValues().service as object), udp: { enabled: false, ports: [] } }
  })
  t.same(
    [...manifests.keys()].filter(key => /^(Secret|PodDisruptionBudget|NetworkPolicy|Service logs-sluice-udp|ServiceMonitor)/.test(key)),
    []
  )
  const { volumes } = manifests.get('StatefulSet logs-sluice')!.spec.template.spec
  t.ok(volumes.some(({ secret }: { secret?: { secretName: string } }) => secret?.secretName === 'ours'))
})

t.test('values that cannot be meant are refused by the schema', async t => {
  const wrong: [string, Values][] = [
    ['an unknown key', { ...defaultValues(), replica: 2 }],
    [
      'a port that needs rights',
      {
        ...defaultValues(),
        service: { ...(defaultValues().service as object), tcp: { enabled: true, ports: [{ name: 'a', port: 514, targetPort: 514 }] } }
      }
    ],
    ['a network that is none', { ...defaultValues(), networkPolicy: { senders: ['everybody'] } }],
    ['a grace shorter than a stop', { ...defaultValues(), terminationGracePeriodSeconds: 5 }]
  ]
  for (const [title, values] of wrong) t.notOk(fits(values), title)
})

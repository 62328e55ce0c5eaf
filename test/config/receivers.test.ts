// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
import t from 'tap'
import { ConfigError, formatFaults } from '../../src/config/faults.ts'
import { parseConfig } from '../../src/config/load.ts'
import { listenersOf } from '../../src/config/receiver-listeners.ts'
import { redactConfig } from '../../src/config/redact.ts'

const TLS = 'tls: { cert_file: c, key_file: k }'
const SECRET = 'secret: push-secret'

const parse = (receivers: string, cwd = '/dir') =>
  parseConfig(`receivers: [${receivers}]\nsources: [{ name: Zscaler }, { name: b, appliance: squid-native }]`, {
    env: { SECRET: 'from-env' },
    cwd,
    file: 'x.yaml'
  })

function faultsOf(receivers: string): string[] {
  try {
    parse(receivers)
  } catch (error) {
    if (error instanceof ConfigError) return formatFaults(error.file, error.faults)
    throw error
  }
  return []
}

t.test('every type of receiver has a port of its own, so that all can stand side by side', async t => {
  const { config, warnings } = parse(
    `{ type: syslog }, { type: syslog-tls, ${TLS} }, { type: relp }, { type: http-push, ${SECRET}, ${TLS} }`
  )
  t.same(warnings, [])
  t.same(
    config.receivers.map(receiver => [receiver.name, listenersOf(receiver)]),
    [
      [
        'syslog',
        [
          { transport: 'udp', listen: '0.0.0.0:5514' },
          { transport: 'tcp', listen: '0.0.0.0:5514' }
        ]
      ],
      ['syslog-tls', [{ transport: 'tcp', listen: '0.0.0.0:6514' }]],
      ['relp', [{ transport: 'tcp', listen: '0.0.0.0:2514' }]],
      ['http-push', [{ transport: 'tcp', listen: '0.0.0.0:8443' }]]
    ]
  )
})

t.test('listeners of different types collide on one port of TCP', async t => {
  t.match(faultsOf(`{ type: syslog, listen: ":6514" }, { type: syslog-tls, ${TLS} }`), [
    /receivers\[1\]\.listen: tcp port 6514 is already used by receivers\[0\]\.listen/
  ])
  t.same(faultsOf(`{ type: syslog, protocols: [udp], listen: ":6514" }, { type: syslog-tls, ${TLS} }`), [])
})

t.test('TLS needs certificate and key, and a CA when clients show certificates', async t => {
  t.match(faultsOf('{ type: syslog-tls }'), [/receivers\[0\]: the key "tls" is missing/])
  t.match(faultsOf('{ type: relp, tls: { cert_file: c } }'), [/receivers\[0\]\.tls: the key "key_file" is missing/])
  const withClients = (keys: string) => `{ type: relp, tls: { cert_file: c, key_file: k, ${keys} } }`
  t.match(faultsOf(withClients('client_certificate: required')), [/"client_ca_file" is missing; client_certificate required needs it/])
  t.match(faultsOf(withClients('client_ca_file: a')), [/client_certificate: is none, so nobody is asked/])
  t.match(faultsOf(withClients('client_names: [a]')), [/client_certificate: is none, so nobody is asked/])
  t.same(faultsOf(withClients('client_ca_file: a, client_certificate: optional')), [])
  const { warnings } = parse(withClients('client_ca_file: a, client_certificate: optional, client_names: [a]'))
  t.match(warnings, [{ message: /does not keep out clients that show no certificate/ }])
})

t.test('HTTP push must know its senders, or say that it does not', async t => {
  t.match(faultsOf('{ type: http-push }'), [/receivers\[0\]: the key "secret" is missing/])
  t.match(faultsOf('{ type: http-push, paths: [{ path: /a, secret: password }, { path: /b }] }'), [/the key "secret" is missing/])
  t.match(faultsOf(`{ type: http-push, ${SECRET}, anonymous: true }`), [/anonymous: asks nobody/])
  t.match(faultsOf('{ type: http-push, basic_password: password }'), [/belong together/])
  t.match(faultsOf(`{ type: http-push, ${SECRET}, basic_user: me }`), [/belong together/])
  t.match(faultsOf('{ type: http-push, secret: short }'), [/must NOT have fewer than 8 characters/])
  t.same(faultsOf('{ type: http-push, anonymous: true }'), [])
  t.same(faultsOf('{ type: http-push, basic_user: me, basic_password: password }'), [])
  t.same(faultsOf('{ type: http-push, paths: [{ path: /a, secret: password }] }'), [])
})

t.test('paths of HTTP push are told apart and name sources that are there', async t => {
  t.match(faultsOf(`{ type: http-push, ${SECRET}, paths: [{ path: /a, source: Zscalar }, { path: /a }, { path: b c }] }`), [
    /paths\[2\]\.path: "b c" does not fit/
  ])
  t.match(faultsOf(`{ type: http-push, ${SECRET}, paths: [{ path: /a, source: Zscalar }, { path: /a }] }`), [
    /paths\[0\]\.source: unknown source "Zscalar"; did you mean "Zscaler"\?/,
    /paths\[1\]\.path: \/a stands there twice/
  ])
})

t.test('a secret over plain HTTP beyond this machine is a warning', async t => {
  t.match(parse(`{ type: http-push, ${SECRET} }`).warnings, [{ message: /goes over the network in the clear/ }])
  t.same(parse(`{ type: http-push, ${SECRET}, listen: "127.0.0.1:0" }`).warnings, [])
})

t.test('secrets of HTTP push come from files and are in no dump, those of paths as well', async t => {
  const dir = t.testdir({ one: 'hidden-one\n', two: 'hidden-two\n', three: 'hidden-three\n' })
  const { config } = parse(
    `{ type: http-push, listen: "127.0.0.1:1", secret_file: one, basic_user: u, basic_password_file: two, paths: [{ path: /a, secret_file: three }] }, { type: http-push, listen: "127.0.0.1:2", secret: "\${SECRET}-hidden" }`,
    dir
  )
  t.match(config.receivers, [
    { secret: 'hidden-one', basic_password: 'hidden-two', paths: [{ secret: 'hidden-three' }] },
    { name: 'http-push-2', secret: 'from-env-hidden' }
  ])
  t.notMatch(JSON.stringify(redactConfig(config)), /hidden/)
})

t.test('a misspelt key or type is told with the one that was meant', async t => {
  t.match(faultsOf(`{ type: syslog-tls, tls: { cert_fil: c, key_file: k, cert_file: c } }`), [
    /unknown key "cert_fil"; did you mean "cert_file"/
  ])
  t.match(faultsOf('{ type: http-pus }'), [/unknown type "http-pus"; did you mean "http-push"/])
})

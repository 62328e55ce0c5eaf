import t from 'tap'
import { formatListen, listenError, parseListen } from '../../src/receivers/listen.ts'

t.test('listen addresses are read and written', async t => {
  for (const [text, host, port] of [
    ['0.0.0.0:5514', '0.0.0.0', 5514],
    ['[::]:514', '::', 514],
    ['[2001:db8::1]:0', '2001:db8::1', 0],
    ['localhost:65535', 'localhost', 65_535]
  ] as const) {
    t.strictSame(parseListen(text), { host, port })
    t.equal(formatListen({ host, port }), text)
  }
  for (const text of ['5514', ':5514', '0.0.0.0', '0.0.0.0:65536', '::1:514', '[::1]', '']) t.throws(() => parseListen(text), RangeError)
})

t.test('a privileged port that is refused names both fixes', async t => {
  const error = listenError(Object.assign(new Error('no'), { code: 'EACCES' }), { host: '0.0.0.0', port: 514 }, 'udp')
  t.equal(error.code, 'LISTEN_FAILED')
  t.match(error.message, 'Cannot listen on udp 0.0.0.0:514')
  t.match(error.message, '-p 514:5514')
  t.match(error.message, 'net.ipv4.ip_unprivileged_port_start=0')
})

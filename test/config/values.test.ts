// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
import t from 'tap'
import { formatDuration, parseDuration } from '../../src/config/durations.ts'
import { interpolate } from '../../src/config/interpolate.ts'
import { formatListen, hostsOverlap, isLoopback, parseListen } from '../../src/config/listen.ts'
import { formatSize, parseSize } from '../../src/config/sizes.ts'
import { editDistance, suggest } from '../../src/config/suggest.ts'

t.test('sizes tell decimal units from binary ones', async t => {
  const cases: [string | number, number][] = [
    ['48MiB', 50_331_648],
    ['20GiB', 21_474_836_480],
    ['1GB', 1_000_000_000],
    ['1.5 kB', 1500],
    ['512', 512],
    [4096, 4096],
    ['0', 0],
    ['2tib', 2 * 2 ** 40]
  ]
  for (const [text, bytes] of cases) t.equal(parseSize(text), bytes, String(text))
  for (const text of ['', 'MiB', '-1MiB', '1 apple', '1e3', '999999999TiB', '1.2.3MB', 'NaN', Number.NaN])
    t.throws(() => parseSize(text), RangeError, String(text))
  t.equal(formatSize(50_331_648), '48 MiB')
  t.equal(formatSize(1536), '1.5 KiB')
})

t.test('durations are sums of numbers with units', async t => {
  const cases: [string | number, number][] = [
    ['200ms', 200],
    ['2s', 2000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['90d', 7_776_000_000],
    ['0.5s', 500],
    [0, 0]
  ]
  for (const [text, ms] of cases) t.equal(parseDuration(text), ms, String(text))
  for (const text of ['', '5', 5, '5 m', 'm', '-5m', '5m!', '1h 30m', '99999d', '5M'])
    t.throws(() => parseDuration(text), RangeError, String(text))
  t.equal(formatDuration(5_400_000), '1h 30m')
  t.equal(formatDuration(2500), '2.5s')
  t.equal(formatDuration(90_061_000), '1d 1h')
})

t.test('listen addresses of both families are read, others refused', async t => {
  t.same(parseListen('0.0.0.0:5514'), { host: '0.0.0.0', port: 5514 })
  t.same(parseListen('[::1]:0'), { host: '::1', port: 0 })
  t.same(parseListen(':514'), { host: '0.0.0.0', port: 514 })
  t.same(parseListen('localhost:9600'), { host: 'localhost', port: 9600 })
  for (const text of ['', '5514', '1.2.3.4', '1.2.3.4:65536', '1.2.3:1', '::1:514', '[1.2.3.4]:1', '[zz]:1', 'a b:1', '0.0.0.0:-1'])
    t.throws(() => parseListen(text), RangeError, text)
  t.equal(formatListen({ host: '::', port: 1 }), '[::]:1')
  t.ok(isLoopback('127.9.9.9') && isLoopback('::1') && isLoopback('localhost'))
  t.notOk(isLoopback('0.0.0.0') || isLoopback('127.evil.example') || isLoopback('::'))
})

t.test('wildcards collide with addresses of their family only', async t => {
  t.ok(hostsOverlap('0.0.0.0', '10.0.0.1'))
  t.ok(hostsOverlap('::', '10.0.0.1'), 'a dual-stack socket takes IPv4 as well')
  t.ok(hostsOverlap('localhost', '127.0.0.1'))
  t.notOk(hostsOverlap('0.0.0.0', '::1'))
  t.notOk(hostsOverlap('10.0.0.1', '10.0.0.2'))
})

t.test('references take variables, defaults and messages, and say what is wrong', async t => {
  const env = { NAME: 'value', EMPTY: '', TRICK: '${NAME}\nother: key' }
  const read = (text: string) => {
    const faults: string[] = []
    return { value: interpolate(text, env, message => faults.push(message)), faults }
  }
  t.same(read('a ${NAME} b ${NAME}'), { value: 'a value b value', faults: [] })
  t.same(read('${MISSING:-x}${EMPTY:-y}${NAME:-z}${MISSING:-}'), { value: 'xyvalue', faults: [] })
  t.same(read('${EMPTY}'), { value: '', faults: [] })
  t.same(read('$${NAME} and $NAME'), { value: '${NAME} and $NAME', faults: [] })
  t.same(read('${TRICK}'), { value: '${NAME}\nother: key', faults: [] }, 'values are not looked into again')
  t.match(read('${MISSING}').faults, [/MISSING is not set/])
  t.same(read('${EMPTY:?give it a value}').faults, ['the environment variable EMPTY is not set: give it a value'])
  for (const text of ['${', '${1X}', '${A B}', '${NAME', '${}']) t.equal(read(text).faults.length, 1, text)
})

t.test('a misspelt word finds its neighbor, a strange one none', async t => {
  t.equal(suggest('recievers', ['receivers', 'sources']), 'receivers')
  t.equal(suggest('fortigate', ['cisco-asa', 'fortinet-fortigate']), 'fortinet-fortigate')
  t.equal(suggest('zzzzzz', ['receivers', 'sources']), undefined)
  t.equal(editDistance('abcd', 'acbd'), 1)
  t.equal(editDistance('', 'abc'), 3)
})

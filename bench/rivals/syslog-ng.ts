/**
 * syslog-ng's nearest equivalent: network(), kv-parser, a CEF template, a file. It writes no gzip. Debian's package would remove
 * rsyslog when installed, so it is unpacked beside, with the libraries it needs.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Collector, ended, MissingRival, measuresOf, newFolder, PORTS, type ReceiveBuffer, startProgram } from '../collectors.ts'
import { sleep } from '../measure.ts'

const PACKAGES = ['syslog-ng-core', 'libivykis0', 'libnet1', 'libpcre3', 'libwrap0']
/** Kept between runs. */
const ROOT = join(tmpdir(), 'sluice-bench-syslog-ng')

interface Unpacked {
  program: string
  control: string
  modules: string
  env: { LD_LIBRARY_PATH: string }
}

/** @throws MissingRival naming the package that cannot be had */
function unpack(): Unpacked {
  mkdirSync(ROOT, { recursive: true })
  for (const name of PACKAGES) {
    const has = (): string | undefined => readdirSync(ROOT).find(file => file.startsWith(`${name}_`) && file.endsWith('.deb'))
    if (has() !== undefined) continue
    const got = spawnSync('apt-get', ['download', '-qq', name], { cwd: ROOT, encoding: 'utf8' })
    const file = has()
    if (file === undefined)
      throw new MissingRival(`no syslog-ng: Debian package ${name} cannot be downloaded: ${got.error ?? got.stderr.trim()}`)
    execFileSync('dpkg', ['-x', join(ROOT, file), ROOT])
  }
  const lib = join(ROOT, 'usr/lib/syslog-ng')
  const folders = [lib, ...['usr/lib', 'lib'].flatMap(base => multiarch(join(ROOT, base)))]
  const version = readdirSync(lib).find(name => /^\d+\.\d+$/.test(name))
  if (version === undefined) throw new MissingRival(`no syslog-ng: ${lib} has no modules`)
  return {
    program: join(ROOT, 'usr/sbin/syslog-ng'),
    control: join(ROOT, 'usr/sbin/syslog-ng-ctl'),
    modules: join(lib, version),
    env: { LD_LIBRARY_PATH: folders.join(':') }
  }
}

/** Folders such as x86_64-linux-gnu. */
const multiarch = (base: string): string[] =>
  existsSync(base)
    ? readdirSync(base)
        .filter(name => name.includes('-linux-'))
        .map(name => join(base, name))
    : []

export function syslogNgVersion(): string | undefined {
  try {
    const { program, env } = unpack()
    return execFileSync(program, ['-V'], { env, encoding: 'utf8' }).split('\n')[0]
  } catch {
    return undefined
  }
}

export async function startSyslogNg(udp?: ReceiveBuffer): Promise<Collector> {
  const { program, control, modules, env } = unpack()
  const dir = newFolder()
  writeFileSync(join(dir, 'syslog-ng.conf'), configuration(dir, modules.split('/').at(-1)!, udp))
  const socket = join(dir, 'control')
  const files = ['--cfgfile', join(dir, 'syslog-ng.conf'), '--persist-file', join(dir, 'persist'), '--pidfile', join(dir, 'pid')]
  const child = await startProgram(
    program,
    ['-F', '--no-caps', `--module-path=${modules}`, `--control=${socket}`, ...files],
    () => sleep(1500),
    env
  )
  return {
    name: 'syslog-ng, kv-parser, no gzip',
    port: PORTS.syslogNg,
    ...measuresOf(child),
    linesDone: async () => {
      const stats = execFileSync(control, ['stats', `--control=${socket}`], { env: { ...process.env, ...env }, encoding: 'utf8' })
      return Number(/^dst\.file;.*;written;(\d+)$/m.exec(stats)?.[1] ?? 0)
    },
    stop: () => ended(child, dir)
  }
}

function configuration(dir: string, version: string, udp: ReceiveBuffer | undefined): string {
  const buffer = udp === undefined || udp === 'default' ? '' : `so-rcvbuf(${udp})`
  const transport = udp === undefined ? 'transport("tcp") max-connections(2000) log-iw-size(200000)' : `transport("udp") ${buffer}`
  const fields = 'rt=eventtime src=srcip suser=user shost=srcname dst=dstip dpt=dstport dhost=hostname in=rcvdbyte out=sentbyte act=action'
  const cef = fields.replace(/=(\w+)/g, (_, key: string) => `=\${.kv.${key}}`)
  return `@version: ${version}
options { stats-level(1); log-msg-size(65536); use-dns(no); dns-cache(no); log-fifo-size(400000); };
source in { network(${transport} ip("127.0.0.1") port(${PORTS.syslogNg}) flags(no-parse)); };
parser pairs { kv-parser(prefix(".kv.")); };
template cef { template("CEF:0|Sluice|Collector|1|traffic|Web traffic|1|${cef}\\n"); };
destination out { file("${join(dir, 'out.log')}" template(cef)); };
log { source(in); parser(pairs); destination(out); };
`
}

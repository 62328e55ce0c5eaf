/** The machine: versions, libraries, limits, memory, kernel buffers. */
import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import type { Config } from '../../config/schema.ts'
import { formatSize } from '../../config/sizes.ts'
import { chooseDeflater } from '../../encode/deflate.ts'
import { vectorCode } from '../../lib/lane-memory.ts'
import { packageVersion } from '../../lib/package-root.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** As package.json says: type stripping, zstd and `process.execve`. */
const NODE_MIN = [24, 6] as const
/** Less than this and the constants of memory (blocks, lanes) are tight. */
const MEMORY_MIN_BYTES = 512 * 1024 * 1024
/** Files beside connections: spool, logs, libraries. */
const OTHER_FILES = 256

export function checkMachine(config: Config): Finding[] {
  return [versions(), parsing(), deflate(), cores(config), memory(), openFiles(config), ...receiveBuffers(config)]
}

function versions(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const detail = `Sluice ${packageVersion()} on Node ${process.versions.node}, OpenSSL ${process.versions.openssl}, ${process.platform} ${process.arch}`
  return major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])
    ? ok('versions', detail)
    : fail('versions', detail, `use Node ${NODE_MIN.join('.')} or newer; npm ci brings one along`)
}

function parsing(): Finding {
  if (vectorCode !== undefined) return ok('parsing', 'by vector instructions')
  return warn('parsing', 'without vector instructions', 'a processor with SSE 4.1, and Node without --jitless, parse in half the time')
}

function deflate(): Finding {
  const { library, description } = chooseDeflater('auto')
  if (library === 'isal') return ok('compression', description)
  return warn(
    'compression',
    description,
    'apt-get install libisal2 (and keep the optional package koffi): it compresses in a third of the time'
  )
}

function cores(config: Config): Finding {
  const count = availableParallelism()
  const detail = `${count} cores, lanes: ${config.lanes}`
  if (typeof config.lanes === 'number' && config.lanes > count)
    return warn('cores', detail, 'more lanes than cores are slower, not faster; leave lanes at auto')
  return count > 1
    ? ok('cores', detail)
    : warn('cores', detail, 'with one core, parsing and receiving share it: fine for some thousand lines a second')
}

function memory(): Finding {
  const limit = cgroupLimit()
  const bytes = Math.min(totalmem(), limit ?? Infinity)
  const detail = limit === undefined ? `${formatSize(bytes)}` : `${formatSize(bytes)} (limit of the container)`
  return bytes >= MEMORY_MIN_BYTES ? ok('memory', detail) : warn('memory', detail, `give it ${formatSize(MEMORY_MIN_BYTES)} or fewer lanes`)
}

function cgroupLimit(): number | undefined {
  const text = read('/sys/fs/cgroup/memory.max') ?? read('/sys/fs/cgroup/memory/memory.limit_in_bytes')
  const bytes = Number(text)
  return Number.isSafeInteger(bytes) && bytes < totalmem() ? bytes : undefined
}

function openFiles(config: Config): Finding {
  const soft = Number(/^Max open files\s+(\d+)/m.exec(read('/proc/self/limits') ?? '')?.[1] ?? Number.NaN)
  if (Number.isNaN(soft)) return ok('open files', 'no limit known')
  // Node raises the soft limit to the hard one at its start, so what is seen here is what the collector gets.
  const wanted = config.receivers.reduce(
    (sum, receiver) => sum + ('max_connections' in receiver ? receiver.max_connections : 0),
    OTHER_FILES
  )
  const detail = `${soft}, receivers may hold ${wanted - OTHER_FILES} connections`
  return soft >= wanted
    ? ok('open files', detail)
    : warn(
        'open files',
        detail,
        `raise the limit (LimitNOFILE= of systemd, ulimits of compose) to ${wanted}, or lower max_connections of the receivers`
      )
}

function receiveBuffers(config: Config): Finding[] {
  const asked = Math.max(
    0,
    ...config.receivers.map(one => (one.type === 'syslog' && one.protocols.includes('udp') ? one.receive_buffer : 0))
  )
  const cap = Number(read('/proc/sys/net/core/rmem_max'))
  if (asked === 0 || !(cap > 0)) return []
  const detail = `the kernel grants ${formatSize(cap)} of ${formatSize(asked)}`
  return [
    cap >= asked
      ? ok('UDP receive buffer', detail)
      : warn(
          'UDP receive buffer',
          `${detail}; datagrams of bursts are lost`,
          `on the host: sysctl -w net.core.rmem_max=${asked}, and the same in /etc/sysctl.d/`
        )
  ]
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return undefined
  }
}

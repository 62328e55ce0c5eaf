/**
 * syslog-ng's loggen as a sender. To install its Debian package would remove rsyslog, so it is unpacked beside this file: `.ci/run`
 * does, and so does by hand, in this folder:
 *
 *   apt-get download syslog-ng-core && dpkg -x syslog-ng-core_*.deb unpacked
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const UNPACKED = join(import.meta.dirname, 'unpacked/usr')
const PROGRAM = join(UNPACKED, 'bin/loggen')

/** Runs it to its end and resolves with the number of messages that it says it sent. */
export async function loggen(port: number, ...args: string[]): Promise<number> {
  if (!existsSync(PROGRAM))
    throw new Error('loggen is missing: in test/loggen run apt-get download syslog-ng-core && dpkg -x syslog-ng-core_*.deb unpacked')
  const env = { ...process.env, LD_LIBRARY_PATH: join(UNPACKED, 'lib/syslog-ng'), SYSLOGNG_PREFIX: UNPACKED }
  const { stdout, stderr } = await promisify(execFile)(PROGRAM, [...args, '127.0.0.1', String(port)], { env, timeout: 60_000 })
  const said = stdout + stderr
  // It says so every half second as well; the last word counts.
  const count = [...said.matchAll(/count=(\d+)/g)].at(-1)?.[1]
  if (count === undefined) throw new Error(`loggen does not say what it sent: ${said}`)
  return Number(count)
}

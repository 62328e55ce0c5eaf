/** `sluice support-bundle`: one archive with what somebody needs who helps, and without any secret. */
import { writeFileSync } from 'node:fs'
import { type as osType, release } from 'node:os'
import { resolve } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { stringify } from 'yaml'
import { REDACTED, redactConfig, secretsOf } from '../config/redact.ts'
import { formatSize } from '../config/sizes.ts'
import { packageVersion } from '../lib/package-root.ts'
import { type TarEntry, tarOf } from '../lib/tar.ts'
import { type AdminTarget, adminTarget, askAdminText, NoAnswer } from './admin-client.ts'
import { doctor } from './doctor/doctor.ts'
import { loadForVerb } from './load-for-verb.ts'
import { EXIT, type Io, type Verb } from './verb.ts'

const README = `A support bundle of Sluice. Secrets of the configuration were replaced by ${REDACTED}; names, addresses and host names were not.

config.yaml    the configuration with all defaults
versions.json  Sluice, Node, libraries, operating system
status.json    what sluice status shows
metrics.txt    what Prometheus would read
log.jsonl      the last lines of the log, at most 1000
doctor.txt     what sluice doctor found
samples.json   lines that could not be read, when asked for by --samples

A file that says "not there" could not be had: the collector did not answer.
`

export const supportBundle: Verb = async (args, io) => {
  const { values } = parseArgs({
    args,
    options: {
      output: { type: 'string', short: 'o' },
      samples: { type: 'boolean' },
      offline: { type: 'boolean' },
      config: { type: 'string', short: 'c' },
      url: { type: 'string' },
      json: { type: 'boolean' }
    }
  })
  const { config, path } = loadForVerb(values.config, io)
  const admin = await adminTarget(values, io)
  const nowMs = Date.now()
  const files: Record<string, string> = {
    'README.txt': README,
    'config.yaml': `# ${path ?? 'no file: all defaults'}\n${stringify(redactConfig(config))}`,
    'versions.json': versions(),
    'status.json': await asked(admin, '/api/v1/status'),
    'metrics.txt': await asked(admin, '/metrics'),
    'log.jsonl': await asked(admin, '/api/v1/log'),
    'doctor.txt': await examined(values, io),
    ...(values.samples === true ? { 'samples.json': await asked(admin, '/api/v1/tap?limit=1000') } : {})
  }
  const secrets = [...secretsOf(config), ...(admin.token === undefined ? [] : [admin.token])]
  const entries: TarEntry[] = Object.entries(files).map(([name, content]) => ({
    name: `sluice-support/${name}`,
    content: Buffer.from(withoutSecrets(content, secrets))
  }))
  const stamp = new Date(nowMs).toISOString().replace(/\D/g, '').slice(0, 14)
  const file = resolve(io.cwd, values.output ?? `sluice-support-${stamp}.tar.gz`)
  const archive = gzipSync(tarOf(entries, nowMs))
  writeFileSync(file, archive, { mode: 0o600 })
  io.stdout.write(
    values.json
      ? `${JSON.stringify({ file, bytes: archive.length, files: Object.keys(files) })}\n`
      : `${file}: ${formatSize(archive.length)}, ${Object.keys(files).join(', ')}\nRead it before you hand it on: it names your sources, networks and hosts.\n`
  )
  return EXIT.OK
}

/** Last net: what the redaction by key may have missed, such as a token in a URL that a program printed. */
export function withoutSecrets(content: string, secrets: readonly string[]): string {
  return secrets.reduce(
    (left, secret) =>
      [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)].reduce(
        (rest, form) => rest.replaceAll(form, REDACTED),
        left
      ),
    content
  )
}

function versions(): string {
  const { node, openssl, v8, uv } = process.versions
  return `${JSON.stringify({ sluice: packageVersion(), node, openssl, v8, uv, os: `${osType()} ${release()} ${process.arch}` }, null, 2)}\n`
}

async function asked(admin: AdminTarget, path: string): Promise<string> {
  try {
    const { status, text } = await askAdminText(admin, path)
    return status === 200 ? text : `not there: ${admin.url} answered ${status}\n`
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    return `not there: ${error.message}\n`
  }
}

/** As somebody would have called the verb. */
async function examined(
  { config, url, offline }: { config?: string | undefined; url?: string | undefined; offline?: boolean | undefined },
  io: Io
): Promise<string> {
  const stdout = new PassThrough()
  const said = text(stdout)
  await doctor(
    [
      ...(config === undefined ? [] : ['--config', config]),
      ...(url === undefined ? [] : ['--url', url]),
      ...(offline === true ? ['--offline'] : [])
    ],
    {
      ...io,
      stdout
    }
  )
  stdout.end()
  return said
}

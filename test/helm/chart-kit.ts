/** Renders the Helm chart for tests. helm is in no package registry at hand; Go's templates and sprig, which it renders with, are. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'

export const CHART = join(import.meta.dirname, '../../docker/helm')

export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; labels?: Record<string, string> }
  // biome-ignore lint/suspicious/noExplicitAny: the kinds differ, and the schemas of Kubernetes check them
  [key: string]: any
}

export type Values = Record<string, unknown>

/** Compiles the renderer into `folder`. Throws when Go or sprig is missing and names their Debian packages. */
export function buildRenderer(folder: string): string {
  const program = join(folder, 'render')
  try {
    execFileSync('go', ['build', '-o', program, join(import.meta.dirname, 'render.go')], {
      env: { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOCACHE: join(folder, 'go-cache'), GOFLAGS: '' },
      stdio: ['ignore', 'ignore', 'pipe']
    })
  } catch (error) {
    throw new Error('Cannot build the renderer of charts; it needs the Debian packages golang-go and golang-github-masterminds-sprig-dev', {
      cause: error
    })
  }
  return program
}

export const defaultValues = (): Values => parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Values

/** The manifests of a release called `logs`, by kind and name. Throws when one is no YAML. */
export function render(program: string, values: Values): Map<string, Manifest> {
  const input = JSON.stringify({ chart: CHART, values, release: { Name: 'logs', Namespace: 'sluice', Service: 'Helm' } })
  const texts = JSON.parse(execFileSync(program, { input, encoding: 'utf8' })) as Record<string, string>
  const found = new Map<string, Manifest>()
  for (const [name, text] of Object.entries(texts)) {
    if (!name.endsWith('.yaml')) continue
    for (const document of parseAllDocuments(text)) {
      if (document.errors.length > 0) throw new Error(`${name}: ${document.errors[0]!.message}\n${text}`)
      const manifest = document.toJS() as Manifest | null
      if (manifest !== null) found.set(`${manifest.kind} ${manifest.metadata.name}`, manifest)
    }
  }
  return found
}

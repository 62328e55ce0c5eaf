/**
 * Makes the script and the style sheet that the server serves: `npm run page`. Both are committed, so that a checkout runs
 * without a build; a test compares them with what this makes (docs/decisions, the page).
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const DIR = import.meta.dirname

/** Text by file name. */
export async function bundlePage(): Promise<Map<string, string>> {
  const { outputFiles } = await build({
    entryPoints: { page: join(DIR, 'main.ts'), style: join(DIR, 'page.css') },
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['chrome115', 'firefox115', 'safari17'],
    legalComments: 'inline',
    charset: 'utf8',
    outdir: join(DIR, 'bundle'),
    write: false
  })
  return new Map(outputFiles.map(({ path, text }) => [path.split('/').at(-1)!, text]))
}

if (import.meta.main) {
  mkdirSync(join(DIR, 'bundle'), { recursive: true })
  for (const [name, text] of await bundlePage()) writeFileSync(join(DIR, 'bundle', name), text)
}

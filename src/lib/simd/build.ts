/** `npm run simd`: compiles this folder and writes the code as a module, so that neither a start nor a build needs the compiler. */
import { writeFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'

const OUTPUT = 'simd.wasm'
const OPTIONS = `-O3 --runtime stub --importMemory --enable simd --noAssert --outFile ${OUTPUT}`.split(' ')

/** @throws Error with the compiler's words when the code is no good. */
export async function compile(): Promise<Buffer> {
  const files = new Map<string, Buffer>()
  const { error, stderr } = await asc.main(['index.ts', '--baseDir', import.meta.dirname, ...OPTIONS], {
    writeFile: (name, contents) => void files.set(name, Buffer.from(contents))
  })
  if (error !== null) throw new Error(`Cannot compile src/lib/simd: ${stderr}`)
  return files.get(OUTPUT)!
}

export const codeOf = (binary: Buffer): string => `/** Made by \`npm run simd\` from this folder. */
export const SIMD_CODE =
${binary
  .toString('base64')
  .match(/.{1,120}/g)!
  .map(line => `  '${line}'`)
  .join(' +\n')}
`

export const CODE_FILE = new URL('code.ts', import.meta.url)

if (process.argv[1] === import.meta.filename) writeFileSync(CODE_FILE, codeOf(await compile()))

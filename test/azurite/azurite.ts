/**
 * Azurite, Microsoft's stand-in for Azure storage, as a child process that keeps its blobs in memory. It is heavy (some 450
 * packages), so it is no dependency of the project: its own package beside this file is installed once.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { spawn } from '../child-kit.ts'

const MAIN = join(import.meta.dirname, 'node_modules/azurite/dist/src/blob/main.js')

/** The account that every Azurite has; its key is public. */
export const AZURITE_ACCOUNT = 'devstoreaccount1'
export const AZURITE_KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='

export interface Azurite {
  /** Of the account, such as `http://127.0.0.1:36223/devstoreaccount1`. */
  url: string
  connectionString: string
  /** Ends it; what it held is gone. */
  stop(): Promise<void>
}

/**
 * Starts Azurite on a free port of 127.0.0.1. With a certificate it speaks https, and takes tokens of Entra, whose signature it does
 * not look at. Rejects, saying what to install, when it is not there.
 */
export async function startAzurite(tls?: { cert: string; key: string }): Promise<Azurite> {
  if (!existsSync(MAIN)) throw new Error('Azurite is not installed; run: npm ci --prefix test/azurite')
  // Azurite knows older API versions than the client library asks for.
  const options = ['--blobHost', '127.0.0.1', '--blobPort', '0', '--inMemoryPersistence', '--skipApiVersionCheck', '--disableTelemetry']
  if (tls !== undefined) options.push('--oauth', 'basic', '--cert', tls.cert, '--key', tls.key)
  const child = spawn(process.execPath, [MAIN, ...options], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const origin = await originOf(child)
  const url = `${origin}/${AZURITE_ACCOUNT}`
  return {
    url,
    connectionString: `DefaultEndpointsProtocol=http;AccountName=${AZURITE_ACCOUNT};AccountKey=${AZURITE_KEY};BlobEndpoint=${url};`,
    stop: async () => {
      child.kill('SIGTERM')
      await exited
    }
  }
}

/** Where it listens, as it says when it is up. */
async function originOf(child: ChildProcess): Promise<string> {
  const said: string[] = []
  for await (const line of createInterface(child.stdout!)) {
    said.push(line)
    const origin = /successfully listens on (https?:\S+)/.exec(line)?.[1]
    if (origin === undefined) continue
    child.stdout!.resume() // it goes on talking, and must not wait for a reader
    return origin
  }
  throw new Error(`Azurite ended at once: ${said.join('\n')}`)
}

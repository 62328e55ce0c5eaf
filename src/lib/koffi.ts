/** koffi, the FFI package with prebuilt binaries, by which libraries are called without a compiler. It is an optional dependency. */
import { createRequire } from 'node:module'
import type koffiModule from 'koffi'

export type Koffi = typeof koffiModule

/** Undefined where the package or its binary for this platform is not installed. */
export function loadKoffi(): Koffi | undefined {
  try {
    return createRequire(import.meta.url)('koffi') as Koffi
  } catch {
    return undefined
  }
}

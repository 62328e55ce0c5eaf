/**
 * Which library makes zstd files: the package zstd-napi where somebody installed it, node:zlib's own zstd otherwise. Both are zstd 1.5 and
 * their files are the same; which one is a matter of speed (docs/decisions/0008-archive.md).
 */
import { createRequire } from 'node:module'
import type { Transform } from 'node:stream'
import { constants, createZstdCompress } from 'node:zlib'

export interface ZstdLibrary {
  readonly library: 'zstd-napi' | 'node:zlib'
  /** For the log. */
  readonly description: string
  /** A stream that compresses into one frame with a checksum, so that `zstd -t` tells a damaged file. */
  compressor(level: number): Transform
}

/** The part of zstd-napi that is used here. */
interface ZstdNapi {
  CompressStream: new (parameters: { compressionLevel: number; checksumFlag: boolean }) => Transform
}

const byNode: Omit<ZstdLibrary, 'description'> = {
  library: 'node:zlib',
  compressor: level => createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 } })
}

/** zstd-napi when it can be loaded, from beside this project, else node:zlib. `load` stands for require in tests. */
export function chooseZstd(load: (name: string) => unknown = createRequire(import.meta.url)): ZstdLibrary {
  try {
    const { CompressStream } = load('zstd-napi') as ZstdNapi
    return {
      library: 'zstd-napi',
      description: 'zstd-napi',
      compressor: level => new CompressStream({ compressionLevel: level, checksumFlag: true })
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'MODULE_NOT_FOUND' ? 'zstd-napi is not installed' : `zstd-napi cannot be loaded: ${message.split('\n')[0]}`
    return { ...byNode, description: `node:zlib (${why})` }
  }
}

/**
 * The disk by calls that block: for a spool that has a thread of its own. They take no thread of the pool that all of the process shares,
 * so a disk that hangs stops that thread and nobody else. The functions are async, so that what they throw rejects.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  opendirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writevSync
} from 'node:fs'
import type { SpoolFile, SpoolIo } from './io.ts'

/** Most buffers in one writev call; Linux allows 1,024. */
const WRITEV_MAX = 512

const fileOf = (handle: number): SpoolFile => ({
  write: async (buffers, position) => writevSync(handle, buffers.slice(0, WRITEV_MAX), position),
  read: async (buffer, position) => readSync(handle, buffer, 0, buffer.length, position),
  datasync: async () => fdatasyncSync(handle),
  truncate: async size => ftruncateSync(handle, size),
  size: async () => fstatSync(handle).size,
  close: async () => closeSync(handle)
})

export const syncIo: SpoolIo = {
  open: async (path, mode) => fileOf(openSync(path, mode === 'read' ? constants.O_RDONLY : constants.O_RDWR | constants.O_CREAT, 0o600)),
  readFile: async path => readFileSync(path),
  rename: async (from, to) => renameSync(from, to),
  remove: async path => rmSync(path, { force: true }),
  async makeDirectory(path) {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    try {
      chmodSync(path, 0o700)
    } catch (error) {
      // A volume may belong to another user who lets this one write; then its rights are not ours to change.
      if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
    }
  },
  async *names(path) {
    const directory = opendirSync(path, { bufferSize: 1024 })
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) if (entry.isFile()) yield entry.name
    } finally {
      directory.closeSync()
    }
  },
  async syncDirectory(path) {
    const handle = openSync(path, constants.O_RDONLY)
    try {
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
  },
  sizeOf: path => statSync(path, { throwIfNoEntry: false })?.size,
  async freeBytes(path) {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  }
}

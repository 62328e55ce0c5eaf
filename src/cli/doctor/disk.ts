/** The spool and its disk: layout, room, kind of file system, and how long it takes to make something durable. */
import { existsSync } from 'node:fs'
import { mkdtemp, open, rm, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { formatDuration } from '../../config/durations.ts'
import type { Config } from '../../config/schema.ts'
import { formatSize } from '../../config/sizes.ts'
import { isNewSpool, openReader } from '../../pipeline/spool-tools.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** `f_type` of statfs(2). */
const KINDS: ReadonlyMap<number, readonly [name: string, trouble?: string]> = new Map([
  [0xef53, ['ext4']],
  [0x58465342, ['XFS']],
  [0x9123683e, ['btrfs']],
  [0x2fc12fc1, ['ZFS']],
  [0x01021994, ['tmpfs', 'it is memory: nothing survives a restart of the machine']],
  [0x794c7630, ['overlayfs', 'it is the layer of a container and goes with it']],
  [0x6969, ['NFS', 'locks and syncs over a network are slow and may lie']],
  [0xff534d42, ['CIFS', 'locks and syncs over a network are slow and may lie']],
  [0xfe534d42, ['SMB', 'locks and syncs over a network are slow and may lie']],
  [0x65735546, ['FUSE', 'whether it syncs depends on what is behind it']]
])
const SYNCS = 15
const PIECE = Buffer.alloc(16 * 1024, 1)
/** Commits happen every 200 ms; a sync that takes a good part of that delays receipts. */
const SYNC_SLOW_MS = 50
const SYNC_BAD_MS = 1000

export async function checkDisk({ spool }: Config): Promise<Finding[]> {
  let dir = spool.dir
  while (!existsSync(dir) && dirname(dir) !== dir) dir = dirname(dir)
  const { type, bavail, bsize, blocks } = await statfs(dir)
  const free = bavail * bsize
  return [await layout(spool.dir), await durability(dir), kind(type, dir), room(free, blocks * bsize, spool)]
}

/** Whether `run` would take the spool that lies there. */
async function layout(dir: string): Promise<Finding> {
  if (isNewSpool(dir)) return ok('spool', `${dir} is new`)
  try {
    await openReader(dir)
    return ok('spool', `${dir} can be read`)
  } catch (error) {
    return fail('spool', (error as Error).message, 'let the version that wrote it upload it, or set spool.dir to another folder')
  }
}

function kind(type: number, dir: string): Finding {
  const [name, trouble] = KINDS.get(type >>> 0) ?? [`a file system of type 0x${(type >>> 0).toString(16)}`]
  const detail = `${dir} is on ${name}`
  return trouble === undefined
    ? ok('file system', detail)
    : warn('file system', `${detail}: ${trouble}`, 'put spool.dir on a local disk, in a container on a volume')
}

function room(free: number, size: number, { max_bytes, min_free_bytes }: Config['spool']): Finding {
  const detail = `${formatSize(free)} free of ${formatSize(size)}; the spool may take ${formatSize(max_bytes)} and leaves ${formatSize(min_free_bytes)}`
  if (free <= min_free_bytes)
    return fail('disk space', detail, 'make room: the spool counts as full, and senders that can wait are stopped')
  return free >= max_bytes + min_free_bytes
    ? ok('disk space', detail)
    : warn('disk space', detail, 'the disk is smaller than the bound; set spool.max_bytes to what may be used, or add disk')
}

async function durability(dir: string): Promise<Finding> {
  let folder: string | undefined
  try {
    folder = await mkdtemp(join(dir, '.sluice-doctor-'))
    const tookMs = await syncTimes(join(folder, 'probe'))
    const median = tookMs[Math.floor(tookMs.length / 2)]!
    const detail = `${SYNCS} syncs in ${dir}: ${formatDuration(median)} in the middle, ${formatDuration(tookMs.at(-1)!)} at most`
    if (median >= SYNC_BAD_MS) return fail('disk syncs', detail, 'use a faster disk: receipts wait for it, and memory fills meanwhile')
    return median >= SYNC_SLOW_MS
      ? warn('disk syncs', detail, 'use a faster disk, or raise spool.commit_interval')
      : ok('disk syncs', detail)
  } catch (error) {
    return fail(
      'disk syncs',
      `${dir} cannot be written: ${(error as Error).message}`,
      'let the user of the collector write there, or set spool.dir'
    )
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  }
}

/** Sorted. */
async function syncTimes(path: string): Promise<number[]> {
  const file = await open(path, 'w')
  try {
    const times: number[] = []
    for (let round = 0; round < SYNCS; round++) {
      const began = performance.now()
      await file.write(PIECE)
      await file.datasync()
      times.push(performance.now() - began)
    }
    return times.sort((a, b) => a - b)
  } finally {
    await file.close()
  }
}

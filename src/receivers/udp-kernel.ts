/**
 * What the Linux kernel says about UDP sockets of this process: datagrams it dropped because a receive buffer was full (last
 * column of /proc/net/udp and udp6). Elsewhere there is no such count.
 */
import { readdir, readFile, readlink } from 'node:fs/promises'

export interface KernelDrops {
  [inode: string]: number
}

/** Inodes of all sockets of this process. */
export async function ownSocketInodes(): Promise<Set<string>> {
  const inodes = new Set<string>()
  for (const fd of await readdir('/proc/self/fd').catch(() => [])) {
    const target = await readlink(`/proc/self/fd/${fd}`).catch(() => '') // it may be closed by now
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
    if (inode !== undefined) inodes.add(inode)
  }
  return inodes
}

/**
 * Reads a table like /proc/net/udp: drops by socket inode of the sockets on a local port. A row, by blanks: `sl local_address
 * rem_address st tx:rx tr:tm retrnsmt uid timeout inode ref pointer drops`; the port is hexadecimal behind the last colon.
 */
export function parseUdpTable(table: string, port: number): KernelDrops {
  const drops: KernelDrops = {}
  for (const line of table.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/)
    const [, local = '', , , , , , , , inode = ''] = columns
    const count = Number(columns[12])
    if (Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16) === port && Number.isSafeInteger(count)) drops[inode] = count
  }
  return drops
}

/** Sum of drops of this process' sockets on a port; undefined where the kernel does not tell. */
export async function readKernelDrops(port: number, ownInodes: ReadonlySet<string>): Promise<number | undefined> {
  let sum: number | undefined
  for (const file of ['/proc/net/udp', '/proc/net/udp6']) {
    const table = await readFile(file, 'latin1').catch(() => undefined)
    if (table === undefined) continue
    for (const [inode, count] of Object.entries(parseUdpTable(table, port))) if (ownInodes.has(inode)) sum = (sum ?? 0) + count
  }
  return sum
}

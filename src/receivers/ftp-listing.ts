/** Lines of FTP listings: `ls -l` for LIST, facts for MLSD and MLST (RFC 3659 section 7). */
import type { TreeEntry } from './ftp-tree.ts'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** As `ls -l` prints it. */
export function formatLong({ name, isDirectory, bytes, modifiedMs }: TreeEntry): string {
  const time = new Date(modifiedMs)
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = `${MONTHS[time.getUTCMonth()]} ${String(time.getUTCDate()).padStart(2)} ${two(time.getUTCHours())}:${two(time.getUTCMinutes())}`
  return `${isDirectory ? 'drwxrwx---' : '-rw-rw----'} 1 sluice sluice ${String(bytes).padStart(12)} ${day} ${name}`
}

/** The facts of an entry as one line, and its time as MDTM says it. */
export function formatFacts({ name, isDirectory, bytes, modifiedMs }: TreeEntry): { line: string; modify: string } {
  const modify = new Date(modifiedMs).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)
  const size = isDirectory ? '' : `size=${bytes};`
  return { line: `type=${isDirectory ? 'dir' : 'file'};${size}modify=${modify}; ${name}`, modify }
}

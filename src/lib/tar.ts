/** A tar archive of small texts (POSIX ustar), for a support bundle: a header of 512 bytes a file, contents padded to the same. */

export interface TarEntry {
  /** At most 100 bytes of ASCII. */
  name: string
  content: Buffer
}

const BLOCK_BYTES = 512

export function tarOf(entries: readonly TarEntry[], atMs: number): Buffer {
  const parts = entries.flatMap(({ name, content }) => [
    header(name, content.length, atMs),
    content,
    Buffer.alloc((BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES)
  ])
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK_BYTES)])
}

function header(name: string, bytes: number, atMs: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new RangeError(`${JSON.stringify(name)} is too long a name for a tar archive`)
  const block = Buffer.alloc(BLOCK_BYTES)
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`
  block.write(name, 0)
  block.write(octal(0o600, 7), 100) // who may read it
  block.write(octal(0, 7), 108) // owner
  block.write(octal(0, 7), 116) // group
  block.write(octal(bytes, 11), 124)
  block.write(octal(Math.floor(atMs / 1000), 11), 136)
  block.write('        ', 148) // the sum is taken as if it were blank
  block.write('0', 156) // a plain file
  block.write('ustar\x0000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

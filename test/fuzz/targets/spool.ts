/** The ledger of a segment, and a start over files that something has bitten into. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LEDGER_VERSION, type LedgerLine, ledgerLine, parseLedger } from '../../../src/spool/ledger.ts'
import { SegmentSpool } from '../../../src/spool/spool.ts'
import { syncIo } from '../../../src/spool/sync-io.ts'
import { blockOf } from '../../spool/blocks.ts'
import { scratchDir } from '../../test-dir.ts'
import { type FuzzTarget, same } from '../target.ts'

const LINES: readonly LedgerLine[] = [
  { t: 'segment', v: LEDGER_VERSION, source: 'a', format: 'cef', createdMs: 1 },
  { t: 'block', offset: 10, length: 20, rawLength: 30, crc32: 40, recordCount: 5, firstTime: 6, lastTime: null },
  { t: 'closed', closedMs: 2, bytes: 50, rawBytes: 30, crc32: 40, recordCount: 5, firstTime: 6, lastTime: 7 },
  { t: 'step', step: 'issued', atMs: 3, uploadUrl: 'http://127.0.0.1/x', provider: 'azure' },
  { t: 'step', step: 'done', atMs: 4 }
]

const ledgerTarget: FuzzTarget = {
  name: 'spool-ledger',
  maxBytes: 20_000,
  tokens: [
    ...LINES.map(line => ledgerLine(line).toString()),
    ledgerLine([] as unknown as LedgerLine).toString(),
    ledgerLine(null as unknown as LedgerLine).toString(),
    ledgerLine({ t: 'block' } as LedgerLine).toString(),
    ledgerLine({ t: 'block', offset: -1, length: 1e300, rawLength: 'x', crc32: null, recordCount: {} } as unknown as LedgerLine).toString(),
    ledgerLine({ t: 'segment', v: 99, source: 5, format: '../', createdMs: 'x' } as unknown as LedgerLine).toString(),
    ledgerLine({ t: 'step', step: 'flown' } as unknown as LedgerLine).toString()
  ],
  seeds: () => [Buffer.concat(LINES.map(ledgerLine)), ledgerLine(LINES[0]!)],
  check(input) {
    const ledger = parseLedger(input)
    if (ledger.size > input.length || (ledger.size > 0 && input[ledger.size - 1] !== 0x0a)) throw new Error(`size ${ledger.size}`)
    // The next line, written where it says, is read.
    const step: LedgerLine = { t: 'step', step: 'stored', atMs: 99 }
    const next = parseLedger(Buffer.concat([input.subarray(0, ledger.size), ledgerLine(step)]))
    same('the step that was appended', next.steps.at(-1), step)
    same('the header, which stays', next.header, ledger.header)
  }
}

const OPTIONS = { maxBytes: 1e9, diskReserveBytes: 0, commitIntervalMs: 1, flushIntervalMs: 1e9, io: syncIo }

/** A spool with an open and a closed segment, made once. */
let template: string | undefined
async function templateDir(): Promise<string> {
  if (template !== undefined) return template
  const dir = join(scratchDir('fuzz'), 'spool')
  const spool = await SegmentSpool.open({ dir, ...OPTIONS })
  for (const lines of [['closed 1', 'closed 2'], ['closed 3']]) spool.append(blockOf('a', lines))
  await spool.closeAll()
  for (let block = 0; block < 4; block++) {
    spool.append(blockOf('a', [`open ${block}`, `open ${block}b`]))
    await spool.commit()
  }
  await spool.close()
  process.once('exit', () => rmSync(join(dir, '..'), { recursive: true, force: true }))
  template = dir
  return dir
}

/** Lines of all sound pieces, wherever they are. */
async function contents(spool: SegmentSpool): Promise<string[]> {
  const lines: string[] = []
  for await (const { id, folder } of spool.reader.list()) {
    await spool.reader.check(id)
    if (folder === 'set-aside') continue
    for await (const line of spool.reader.lines(id)) lines.push(line.toString())
  }
  return lines.sort()
}

const recoverTarget: FuzzTarget = {
  name: 'spool-recover',
  maxBytes: 64,
  // Each 4 bytes are one bite: which file, what, and where.
  seeds: () => [Buffer.from([0, 0, 10, 5]), Buffer.from([1, 1, 200, 0, 2, 2, 3, 4]), Buffer.from([3, 3, 0, 0])],
  async check(input) {
    const dir = join(scratchDir('fuzz'), 'spool')
    try {
      cpSync(await templateDir(), dir, { recursive: true })
      const files = ['open', 'closed'].flatMap(folder => readdirSync(join(dir, folder)).map(name => join(dir, folder, name))).sort()
      for (let at = 0; at + 4 <= input.length; at += 4) bite(files[input[at]! % files.length]!, input.subarray(at + 1, at + 4))
      const first = await SegmentSpool.open({ dir, ...OPTIONS })
      const found = await contents(first)
      for (const line of found) if (!/^(open|closed) \d/.test(line)) throw new Error(`line ${JSON.stringify(line)}`)
      first.append(blockOf('a', ['open 9']))
      await first.commit()
      await first.close()
      const second = await SegmentSpool.open({ dir, ...OPTIONS })
      same('what another start finds', await contents(second), [...found, 'open 9'].sort())
      await second.close()
    } finally {
      rmSync(join(dir, '..'), { recursive: true, force: true })
    }
  }
}

function bite(file: string, [what = 0, where = 0, value = 0]: Uint8Array): void {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch {
    return // bitten off before
  }
  const at = Math.floor((where / 256) * bytes.length)
  if (what % 6 === 3) rmSync(file)
  else writeFileSync(file, bitten(bytes, what % 6, at, value))
}

function bitten(bytes: Buffer, what: number, at: number, value: number): Buffer {
  switch (what) {
    case 0:
      if (at < bytes.length) bytes[at]! ^= value === 0 ? 1 : value
      return bytes
    case 1:
      return bytes.subarray(0, at)
    case 2:
      return Buffer.concat([bytes, Buffer.alloc(value, at & 0xff)])
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + value)])
    default:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at >> 1)])
  }
}

export const spoolTargets: readonly FuzzTarget[] = [ledgerTarget, recoverTarget]

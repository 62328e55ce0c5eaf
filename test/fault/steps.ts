/** The named steps of spool and upload, as file operations: before and after each of them a collector is killed. */
import type { Operation } from '../spool/faulty-io.ts'

export interface OperationSeen {
  operation: Operation
  path: string
  bytes: Buffer
}

type Step = (seen: OperationSeen) => boolean

const writes =
  (file: RegExp, text: string): Step =>
  ({ operation, path, bytes }) =>
    operation === 'write' && file.test(path) && bytes.includes(text)
const on =
  (operation: Operation, path: RegExp): Step =>
  seen =>
    seen.operation === operation && path.test(seen.path)

const TRAILER_BYTES = 10

/** In the order in which a segment goes through them. */
export const STEPS = {
  'ledger begun': writes(/\/open\/.*ledger$/, '"t":"segment"'),
  'data file made': on('open', /\/open\/.*gz$/),
  'blocks written': on('write', /\/open\/.*gz$/),
  'blocks noted': writes(/\/open\/.*ledger$/, '"t":"block"'),
  'blocks synced': on('datasync', /\/open\/.*gz$/),
  'directory of open segments synced': on('syncDirectory', /\/open$/),
  'trailer written': ({ operation, path, bytes }) =>
    operation === 'write' && path.endsWith('.gz') && bytes.length === TRAILER_BYTES && bytes.readUInt16BE() === 0x0300,
  'closing noted': writes(/\/open\/.*ledger$/, '"t":"closed"'),
  'data moved to closed': on('rename', /\/open\/.*gz$/),
  'ledger moved to closed': on('rename', /\/open\/.*ledger$/),
  'directory of closed segments synced': on('syncDirectory', /\/closed$/),
  'upload URL noted': writes(/\/closed\/.*ledger$/, '"step":"issued"'),
  'stored bytes noted': writes(/\/closed\/.*ledger$/, '"step":"stored"'),
  'finalising noted': writes(/\/closed\/.*ledger$/, '"step":"finalising"'),
  'half of a split copied': on('datasync', /\/open\/.*[ab]\.gz$/),
  'half of a split noted': on('rename', /\/open\/.*[ab]\.ledger\.new$/),
  'split segment removed': on('remove', /\/closed\/.*gz$/),
  'ledger of a split segment removed': on('remove', /\/closed\/.*ledger$/),
  'end of upload noted': writes(/\/closed\/.*ledger$/, '"step":"done"'),
  'data moved to archive': on('rename', /\/closed\/.*gz$/),
  'ledger moved to archive': on('rename', /\/closed\/.*ledger$/),
  'directory of archived segments synced': on('syncDirectory', /\/archive$/)
} as const satisfies Record<string, Step>

export type StepName = keyof typeof STEPS
export const STEP_NAMES = Object.keys(STEPS) as StepName[]

/**
 * A watched folder: log files that something else puts there (an FTP server of one's own, a share, a script). A folder per
 * source below it; the scan by time is the truth, news from the file system only make it come sooner. A file is read when it is
 * complete, and removed, moved or renamed when all of its lines would survive a power cut.
 */
import { type FSWatcher, watch } from 'node:fs'
import { access, copyFile, constants as fsConstants, mkdir, rename, stat, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import Type, { type Static } from 'typebox'
import type { OpenIntake, Receiver, ReceiverState, ReceiverStatus } from '../contracts.ts'
import { CollectorError } from '../errors.ts'
import { orAborted } from './deadline.ts'
import { NotAFile, type Taken, takeFile } from './file-drop-file.ts'
import { FolderScan, type FoundFile, type ScanResult } from './file-drop-scan.ts'
import { FileDropState } from './file-drop-state.ts'
import type { FileServerDeps } from './ftp.ts'
import type { ReceiverLog } from './listen.ts'
import { NameOption, withDefaults } from './options.ts'
import { stateOf } from './receiver-state.ts'
import { UnpackError, UnpackOptions } from './unpack.ts'

export const FileDropOptions = Type.Object({
  name: NameOption('file-drop'),
  folder: Type.String({ description: 'Folder that is watched.', minLength: 1 }),
  sources: Type.Array(Type.String(), {
    description: 'Sub-folders that are read; their name is the source of the files in them.',
    default: []
  }),
  complete: Type.Union([Type.Literal('age'), Type.Literal('marker')], {
    description: 'When a file is complete: not changed for ageMs, or a file of its name and markerSuffix lies beside it.',
    default: 'age'
  }),
  ageMs: Type.Integer({
    description: 'How long a file must not have changed. 0 takes what is there, for writers that rename a file when it is complete.',
    default: 10_000,
    minimum: 0
  }),
  markerSuffix: Type.String({ description: 'Suffix of marker files.', default: '.done', minLength: 2 }),
  ignoreSuffixes: Type.Array(Type.String({ minLength: 1 }), {
    description: 'Files of these suffixes are being written, until they are renamed. Names that begin with a dot are ignored too.',
    default: ['.tmp', '.part', '.partial', '.filepart', '.crdownload', '.swp']
  }),
  after: Type.Union([Type.Literal('delete'), Type.Literal('archive'), Type.Literal('rename')], {
    description: 'What becomes of a file that was read.',
    default: 'archive'
  }),
  archiveFolder: Type.Optional(Type.String({ description: 'Where read files are moved to. Default: .taken in the folder.', minLength: 1 })),
  renameSuffix: Type.String({ description: 'Suffix that read files get.', default: '.taken', minLength: 2 }),
  rejectedSuffix: Type.String({ description: 'Suffix that files get which cannot be read.', default: '.rejected', minLength: 2 }),
  stateFile: Type.Optional(
    Type.String({ description: 'Where positions are kept. Default: .sluice-state.json in the folder.', minLength: 1 })
  ),
  scanIntervalMs: Type.Integer({ description: 'How often the folder is looked through.', default: 5000, minimum: 10 }),
  maxFilesPerScan: Type.Integer({ description: 'Files taken in one scan; the rest waits for the next.', default: 1000, minimum: 1 }),
  checkpointBytes: Type.Integer({
    description: 'Unpacked bytes after which the position in a file is made durable; a crash reads at most so much again.',
    default: 32 * 1024 * 1024,
    minimum: 1
  }),
  format: Type.Union([Type.Literal('auto'), Type.Literal('lines'), Type.Literal('json')], {
    description: 'Content of files: lines, or JSON (an array, or objects); auto tells them apart by the first bytes.',
    default: 'auto'
  }),
  ...UnpackOptions
})
export type FileDropOptions = Static<typeof FileDropOptions>

/** News of the file system are waited for a little, since they come in swarms. */
const HINT_DELAY_MS = 50

export class FileDropReceiver implements Receiver {
  readonly name: string
  readonly #options: FileDropOptions
  readonly #log: ReceiverLog
  readonly #isFull: () => boolean
  readonly #folder: string
  readonly #scan: FolderScan
  readonly #ignored: readonly string[]
  #fileState: FileDropState | undefined
  #open: OpenIntake | undefined
  #watcher: FSWatcher | undefined
  #timer: NodeJS.Timeout | undefined
  #scanning: Promise<void> | undefined
  #isHinted = false
  #stopping: 'no' | 'soon' | 'now' = 'no'
  #state: ReceiverState = 'stopped'
  #reason: string | undefined
  #waitingForRoom = false
  #reading = 0
  #last: ScanResult | undefined
  readonly #warnedFolders = new Set<string>()
  readonly #counters = {
    files_total: 0,
    received_bytes_total: 0,
    scans_total: 0,
    scan_errors_total: 0,
    damaged_files_total: 0,
    unsupported_files_total: 0,
    oversized_files_total: 0,
    grown_files_total: 0,
    commit_failed_total: 0,
    file_errors_total: 0,
    pauses_total: 0
  }

  constructor(options: Partial<FileDropOptions> & { folder: string }, deps: FileServerDeps) {
    this.#options = withDefaults(FileDropOptions, options)
    const { name, folder, sources, ignoreSuffixes, renameSuffix, rejectedSuffix } = this.#options
    const odd = sources.find(source => source === '.' || source === '..' || /[/\\\x00]/.test(source))
    if (odd !== undefined) throw new RangeError(`Cannot use receiver "${name}": source "${odd}" cannot be a folder`)
    this.name = name
    this.#log = deps.log
    this.#isFull = deps.isFull ?? (() => false)
    this.#folder = resolve(folder)
    this.#ignored = [...ignoreSuffixes, renameSuffix, rejectedSuffix].map(suffix => suffix.toLowerCase())
    this.#scan = new FolderScan({ ...this.#options, folder: this.#folder, ignoreSuffixes: this.#ignored })
  }

  async start(open: OpenIntake): Promise<void> {
    this.#open = open
    try {
      await this.#checkFolder()
      this.#fileState = await FileDropState.load(this.#options.stateFile ?? join(this.#folder, '.sluice-state.json'))
    } catch (error) {
      this.#state = 'failed'
      this.#reason = (error as Error).message
      throw error
    }
    this.#state = 'listening'
    this.#stopping = 'no'
    this.#watch()
    const { sources, scanIntervalMs, after } = this.#options
    this.#log.info({ receiver: this.name, folder: this.#folder, sources, scanIntervalMs, after }, 'watching a folder for log files')
    this.#next(0)
  }

  /** The file being read is left at a line, and read on from there after the next start. */
  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#state !== 'listening') return
    this.#state = 'stopped'
    this.#stopping = 'soon'
    clearTimeout(this.#timer)
    this.#watcher?.close()
    deadline.addEventListener('abort', () => {
      this.#stopping = 'now'
    })
    await orAborted(this.#scanning ?? Promise.resolve(), deadline)
  }

  status(): ReceiverStatus[] {
    const waiting = { count: this.#waitingForRoom ? 1 : 0, of: 'files' }
    return [
      {
        name: this.name,
        protocol: 'file',
        address: this.#folder,
        ...stateOf(this.#state, this.#reason, { waiting, isFull: this.#isFull(), isFailing: this.#reason !== undefined }),
        connections: this.#reading,
        counters: { ...this.#counters },
        gauges: {
          files_waiting: (this.#last?.waiting ?? 0) + (this.#last?.files.length ?? 0),
          refused_entries: this.#last?.refused ?? 0,
          unknown_folders: this.#last?.unknownFolders.length ?? 0
        }
      }
    ]
  }

  async #checkFolder(): Promise<void> {
    try {
      if (!(await stat(this.#folder)).isDirectory()) throw new Error('it is not a folder')
      await access(this.#folder, fsConstants.R_OK | fsConstants.W_OK | fsConstants.X_OK)
      for (const source of this.#options.sources) await mkdir(join(this.#folder, source), { recursive: true })
    } catch (error) {
      const remedy = 'it must be there, and this process must be allowed to read and write in it'
      throw new CollectorError('LISTEN_FAILED', `Cannot watch folder "${this.#folder}": ${(error as Error).message}; ${remedy}`, {
        cause: error
      })
    }
  }

  #watch(): void {
    try {
      this.#watcher = watch(this.#folder, { recursive: true, persistent: false }, () => this.#hint())
      this.#watcher.on('error', () => this.#watcher?.close()) // scans go on
    } catch (error) {
      this.#log.debug({ receiver: this.name, err: error }, 'no news from the file system; the folder is scanned by time')
    }
  }

  /** Makes the next scan come sooner; with an age to wait for, sooner is no use. */
  #hint(): void {
    if (this.#isHinted || (this.#options.complete === 'age' && this.#options.ageMs > 0)) return
    this.#isHinted = true
    if (this.#scanning === undefined) this.#next(Math.min(HINT_DELAY_MS, this.#options.scanIntervalMs))
  }

  #next(delayMs: number): void {
    clearTimeout(this.#timer)
    if (this.#stopping !== 'no') return
    this.#timer = setTimeout(() => {
      this.#isHinted = false
      this.#scanning = this.#run().finally(() => {
        this.#scanning = undefined
        this.#next(this.#isHinted ? HINT_DELAY_MS : this.#options.scanIntervalMs)
      })
    }, delayMs)
    this.#timer.unref()
  }

  async #run(): Promise<void> {
    if (this.#isFull()) return
    try {
      this.#last = await this.#scan.scan()
      this.#counters.scans_total++
      this.#reason = undefined
    } catch (error) {
      this.#counters.scan_errors_total++
      this.#reason = `the folder cannot be read: ${(error as Error).message}`
      this.#log.error({ receiver: this.name, err: error }, 'the folder cannot be read')
      return
    }
    this.#warnUnknown(this.#last.unknownFolders)
    for (const file of this.#last.files) {
      if (this.#stopping !== 'no' || this.#isFull()) return
      await this.#take(file)
    }
  }

  #warnUnknown(folders: readonly string[]): void {
    for (const folder of folders) {
      if (this.#warnedFolders.has(folder) || this.#warnedFolders.size >= 100) continue
      this.#warnedFolders.add(folder)
      this.#log.warn({ receiver: this.name, folder }, 'a folder is left alone: it is not among the sources of this receiver')
    }
  }

  async #take(file: FoundFile): Promise<void> {
    const { relative, source } = file
    const facts = { receiver: this.name, file: relative, source }
    this.#reading = 1
    try {
      const peer = { receiver: this.name, protocol: 'file', address: relative, ...(source === undefined ? {} : { source }) }
      const taken = await takeFile(file.path, this.#options, {
        state: this.#fileState!,
        open: framing => this.#open!(peer, framing),
        onBytes: count => {
          this.#counters.received_bytes_total += count
        },
        onWait: isWaiting => {
          this.#waitingForRoom = isWaiting
          if (isWaiting) this.#counters.pauses_total++
        },
        stopping: () => this.#stopping
      })
      await this.#finish(file, taken)
      this.#log.info({ ...facts, bytes: taken.bytes, outcome: taken.outcome }, 'file read')
    } catch (error) {
      await this.#failed(file, error)
    } finally {
      this.#reading = 0
    }
  }

  async #finish(file: FoundFile, taken: Taken): Promise<void> {
    if (taken.outcome === 'stopped') return
    if (taken.outcome === 'grown') {
      this.#counters.grown_files_total++
      this.#log.warn({ receiver: this.name, file: file.relative }, 'a file has grown while it was read; it goes on later')
      return
    }
    await this.#dispose(file)
    if (file.marker !== undefined) await unlink(file.marker).catch(() => undefined)
    await this.#fileState!.forget(taken.key)
    this.#counters.files_total++
  }

  async #dispose({ path, relative }: FoundFile): Promise<void> {
    const { after, archiveFolder, renameSuffix } = this.#options
    if (after === 'delete') await unlink(path)
    else if (after === 'rename') await rename(path, await freeName(path, renameSuffix))
    else {
      const target = await freeName(join(resolve(archiveFolder ?? join(this.#folder, '.taken')), relative))
      await mkdir(dirname(target), { recursive: true })
      await move(path, target)
    }
  }

  /** A file that cannot be read is put aside by name; what a commit or the disk could not do is tried again at a later scan. */
  async #failed(file: FoundFile, error: unknown): Promise<void> {
    const facts = { receiver: this.name, file: file.relative, err: error }
    if (error instanceof UnpackError) {
      const counter = ({ damaged: 'damaged_files_total', unsupported: 'unsupported_files_total', limit: 'oversized_files_total' } as const)[
        error.kind
      ]
      this.#counters[counter]++
      this.#log.error(facts, 'a file cannot be read; it is put aside')
      await freeName(file.path, this.#options.rejectedSuffix)
        .then(target => rename(file.path, target))
        .catch(err => this.#log.error({ ...facts, err }, 'and cannot be renamed'))
      return
    }
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return // it went away between scan and reading
    const isFileError = error instanceof NotAFile || (error as NodeJS.ErrnoException).syscall !== undefined
    this.#counters[isFileError ? 'file_errors_total' : 'commit_failed_total']++
    this.#log.error(
      facts,
      isFileError ? 'a file cannot be read or moved; it is tried again' : 'what a file holds could not be made durable; it is tried again'
    )
  }
}

/** The path with the suffix, numbered when something is there: nothing is written over. */
async function freeName(path: string, suffix = ''): Promise<string> {
  for (let number = 0; ; number++) {
    const candidate = `${path}${number === 0 ? '' : `.${number}`}${suffix}`
    const isTaken = await stat(candidate).then(
      () => true,
      () => false
    )
    if (!isTaken) return candidate
  }
}

/** Moves a file, to another file system if need be. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
    await copyFile(from, to, fsConstants.COPYFILE_EXCL)
    await unlink(from)
  }
}

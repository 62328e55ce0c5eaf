/**
 * One SFTP channel (draft-ietf-secsh-filexfer-02, version 3): the directories of FTP, uploads only. The close of a file is
 * answered when all of its lines would survive a power cut; a client that goes away before it has aborted the transfer.
 */
import ssh2, { type Attributes, type FileEntry, type SFTPWrapper } from 'ssh2'
import type { Account } from './ftp-accounts.ts'
import { formatLong } from './ftp-listing.ts'
import { formatPath, resolvePath, type TreeEntry, type TreePath } from './ftp-tree.ts'
import type { Uploads, Verdict } from './ftp-upload.ts'
import { WriteQueue } from './sftp-queue.ts'

const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp
const HANDLES_MAX = 16
const DIRECTORY_MODE = 0o040770
const FILE_MODE = 0o100660
const ENTRIES_PER_REPLY = 100

interface OpenFile {
  kind: 'file'
  queue: WriteQueue
  verdict: Promise<Verdict>
  isOver: boolean
  /** The client has sent all of it. */
  isClosing: boolean
  /** Ids of write requests whose bytes were not used yet. */
  unanswered: Set<number>
  /** Where the next write must begin; undefined before the first of an append. */
  at: number | undefined
}

type Handle = OpenFile | { kind: 'directory'; entries: FileEntry[] }

export class SftpSession {
  readonly #sftp: SFTPWrapper
  readonly #account: Account
  readonly #uploads: Uploads
  readonly #address: string
  readonly #isStopping: () => boolean
  readonly #handles = new Map<number, Handle>()
  #lastHandle = 0

  constructor(sftp: SFTPWrapper, deps: { account: Account; uploads: Uploads; address: string; isStopping: () => boolean }) {
    this.#sftp = sftp
    this.#account = deps.account
    this.#uploads = deps.uploads
    this.#address = deps.address
    this.#isStopping = deps.isStopping
    this.#listen()
  }

  /** The client waits for us: for room for what it wrote, or for its file to be durable. */
  get owesAnswer(): boolean {
    return this.#files().some(({ unanswered, isClosing }) => unanswered.size > 0 || isClosing)
  }

  /** The client is gone. */
  abort(message: string): void {
    for (const { queue } of this.#files()) queue.abort(message)
  }

  /** Resolves when the files that are open are over. */
  async settled(): Promise<void> {
    await Promise.all(this.#files().map(({ verdict }) => verdict))
  }

  #files(): OpenFile[] {
    return [...this.#handles.values()].filter(handle => handle.kind === 'file')
  }

  #listen(): void {
    const sftp = this.#sftp
    const ok = (id: number): void => sftp.status(id, STATUS_CODE.OK)
    const refuse = (id: number): void => sftp.status(id, STATUS_CODE.PERMISSION_DENIED, 'This server only takes files.')
    sftp.on('OPEN', (id, name, flags) => this.#open(id, name, flags))
    sftp.on('WRITE', (id, handle, offset, bytes) => this.#write(id, handle, offset, bytes))
    sftp.on('CLOSE', (id, handle) => void this.#close(id, handle))
    sftp.on('READ', refuse)
    sftp.on('REALPATH', (id, name) => this.#realPath(id, name))
    sftp.on('STAT', (id, name) => this.#stat(id, name))
    sftp.on('LSTAT', (id, name) => this.#stat(id, name))
    sftp.on('FSTAT', (id, handle) => this.#statHandle(id, handle))
    sftp.on('SETSTAT', ok)
    sftp.on('FSETSTAT', ok)
    sftp.on('OPENDIR', (id, name) => this.#openDirectory(id, name))
    sftp.on('READDIR', (id, handle) => this.#readDirectory(id, handle))
    sftp.on('MKDIR', (id, name) => this.#answer(id, name, path => this.#uploads.tree.makeDirectory(path, this.#account)))
    sftp.on('RMDIR', (id, name) => this.#answer(id, name, path => this.#sees(path) && this.#uploads.tree.removeDirectory(path)))
    sftp.on('REMOVE', (id, name) => this.#answer(id, name, path => this.#sees(path) && this.#uploads.tree.forget(path)))
    sftp.on('RENAME', (id, from, to) => {
      const target = resolvePath([], to)
      this.#answer(id, from, path => target !== undefined && this.#sees(path) && this.#uploads.tree.rename(path, target, this.#account))
    })
    // A client that is done waits until this end closes the channel as well.
    sftp.on('end', () => sftp.end())
    sftp.on('SYMLINK', refuse)
    sftp.on('READLINK', refuse)
    sftp.on('EXTENDED', id => sftp.status(id, STATUS_CODE.OP_UNSUPPORTED))
  }

  #answer(id: number, name: string, action: (path: TreePath) => boolean): void {
    const path = resolvePath([], name)
    const isDone = path !== undefined && action(path)
    this.#sftp.status(id, isDone ? STATUS_CODE.OK : STATUS_CODE.NO_SUCH_FILE)
  }

  #sees(path: TreePath): boolean {
    return path.length < 2 || this.#uploads.tree.isDirectory(path.slice(0, 1), this.#account)
  }

  // ── uploads ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #open(id: number, name: string, flags: number): void {
    const path = resolvePath([], name)
    const refuse = (code: number, text: string): void => this.#sftp.status(id, code, text)
    if ((flags & OPEN_MODE.WRITE) === 0) {
      refuse(STATUS_CODE.PERMISSION_DENIED, 'This server only takes files.')
      return
    }
    const refusal = path === undefined ? 'this is no file name' : this.#uploads.tree.refusal(path, this.#account)
    if (path === undefined || refusal !== undefined) {
      refuse(STATUS_CODE.PERMISSION_DENIED, `Not taken: ${refusal}.`)
      return
    }
    if (this.#isStopping() || this.#handles.size >= HANDLES_MAX) {
      refuse(STATUS_CODE.FAILURE, 'Not now.')
      return
    }
    if (this.#uploads.isPutOff()) {
      refuse(STATUS_CODE.FAILURE, 'The spool is full; send it again later.')
      return
    }
    const queue = new WriteQueue()
    const verdict = this.#uploads.receive({ path, account: this.#account, address: this.#address, chunks: queue })
    const file: OpenFile = {
      kind: 'file',
      queue,
      verdict,
      isOver: false,
      isClosing: false,
      unanswered: new Set(),
      at: (flags & OPEN_MODE.APPEND) === 0 ? 0 : undefined
    }
    void verdict.then(() => {
      file.isOver = true
      for (const each of file.unanswered) this.#sftp.status(each, STATUS_CODE.FAILURE, 'The file was not taken.')
      file.unanswered.clear()
    })
    this.#sftp.handle(id, this.#keep(file))
  }

  #write(id: number, handle: Buffer, offset: number, bytes: Buffer): void {
    const file = this.#find(handle)
    if (file?.kind !== 'file') {
      this.#sftp.status(id, STATUS_CODE.FAILURE, 'No such handle.')
      return
    }
    if (file.isOver) {
      this.#sftp.status(id, STATUS_CODE.FAILURE, 'The file was not taken.')
      return
    }
    if (offset !== (file.at ?? offset)) {
      file.queue.abort('the file was not written from front to back')
      this.#sftp.status(id, STATUS_CODE.FAILURE, 'Files are taken from front to back, and from their start.')
      return
    }
    file.at = offset + bytes.length
    file.unanswered.add(id)
    // The bytes are a part of a packet that ssh2 may use again.
    const isQueued = file.queue.push(Buffer.from(bytes), () => {
      if (file.unanswered.delete(id)) this.#sftp.status(id, STATUS_CODE.OK)
    })
    if (!isQueued) file.queue.abort('the client does not wait for answers')
  }

  async #close(id: number, handle: Buffer): Promise<void> {
    const found = this.#find(handle)
    if (found === undefined) {
      this.#sftp.status(id, STATUS_CODE.FAILURE, 'No such handle.')
      return
    }
    if (found.kind === 'file') {
      found.isClosing = true
      found.queue.end()
      const verdict = await found.verdict
      if (verdict.outcome === 'taken') this.#sftp.status(id, STATUS_CODE.OK)
      else this.#sftp.status(id, STATUS_CODE.FAILURE, `Not taken: ${verdict.message}.`)
    } else this.#sftp.status(id, STATUS_CODE.OK)
    this.#handles.delete(handle.readUInt32BE(0))
  }

  #keep(handle: Handle): Buffer {
    const bytes = Buffer.alloc(4)
    this.#lastHandle = (this.#lastHandle + 1) % 2 ** 32
    bytes.writeUInt32BE(this.#lastHandle)
    this.#handles.set(this.#lastHandle, handle)
    return bytes
  }

  #find(handle: Buffer): Handle | undefined {
    return handle.length === 4 ? this.#handles.get(handle.readUInt32BE(0)) : undefined
  }

  // ── directories ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #realPath(id: number, name: string): void {
    const path = resolvePath([], name)
    if (path === undefined) {
      this.#sftp.status(id, STATUS_CODE.NO_SUCH_FILE)
      return
    }
    this.#sftp.name(id, [
      { filename: formatPath(path), longname: formatPath(path), attrs: attributes({ bytes: 0, modifiedMs: 0, isDirectory: true }) }
    ])
  }

  #stat(id: number, name: string): void {
    const path = resolvePath([], name)
    const { tree } = this.#uploads
    const isDirectory = path !== undefined && tree.isDirectory(path, this.#account)
    const file = path === undefined || !this.#sees(path) ? undefined : tree.file(path)
    if (!isDirectory && file === undefined) {
      this.#sftp.status(id, STATUS_CODE.NO_SUCH_FILE)
      return
    }
    this.#sftp.attrs(id, attributes({ bytes: 0, modifiedMs: Date.now(), ...file, isDirectory }))
  }

  #statHandle(id: number, handle: Buffer): void {
    const found = this.#find(handle)
    if (found === undefined) {
      this.#sftp.status(id, STATUS_CODE.FAILURE, 'No such handle.')
      return
    }
    const bytes = found.kind === 'file' ? (found.at ?? 0) : 0
    this.#sftp.attrs(id, attributes({ bytes, modifiedMs: Date.now(), isDirectory: found.kind === 'directory' }))
  }

  #openDirectory(id: number, name: string): void {
    const path = resolvePath([], name)
    if (path === undefined || !this.#uploads.tree.isDirectory(path, this.#account)) {
      this.#sftp.status(id, STATUS_CODE.NO_SUCH_FILE)
      return
    }
    if (this.#handles.size >= HANDLES_MAX) {
      this.#sftp.status(id, STATUS_CODE.FAILURE, 'Too many handles.')
      return
    }
    const entries = this.#uploads.tree
      .list(path, this.#account)
      .map(entry => ({ filename: entry.name, longname: formatLong(entry), attrs: attributes(entry) }))
    this.#sftp.handle(id, this.#keep({ kind: 'directory', entries }))
  }

  #readDirectory(id: number, handle: Buffer): void {
    const found = this.#find(handle)
    if (found?.kind !== 'directory') {
      this.#sftp.status(id, STATUS_CODE.FAILURE, 'No such handle.')
      return
    }
    if (found.entries.length === 0) {
      this.#sftp.status(id, STATUS_CODE.EOF)
      return
    }
    this.#sftp.name(id, found.entries.splice(0, ENTRIES_PER_REPLY))
  }
}

function attributes({ bytes, modifiedMs, isDirectory }: Omit<TreeEntry, 'name'>): Attributes {
  const seconds = Math.floor(modifiedMs / 1000)
  return { mode: isDirectory ? DIRECTORY_MODE : FILE_MODE, uid: 0, gid: 0, size: bytes, atime: seconds, mtime: seconds }
}

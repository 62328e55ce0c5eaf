/** Directories and names as an FTP client sees and changes them: the tree of uploads, from where the client is in it. */
import type { Account } from './ftp-accounts.ts'
import type { ControlConnection } from './ftp-control.ts'
import { formatFacts } from './ftp-listing.ts'
import { formatPath, resolvePath, type TreeEntry, type TreePath, type UploadTree } from './ftp-tree.ts'

export class FtpNames {
  readonly #control: ControlConnection
  readonly #tree: UploadTree
  /** Of the client that is logged in: nothing here is asked for before. */
  readonly #account: () => Account
  #directory: TreePath = []
  #renameFrom: TreePath | undefined

  constructor(control: ControlConnection, tree: UploadTree, account: () => Account) {
    this.#control = control
    this.#tree = tree
    this.#account = account
  }

  /** Back to the root. */
  reset(): void {
    this.#directory = []
  }

  /** RNTO must follow RNFR at once. */
  forgetRename(): void {
    this.#renameFrom = undefined
  }

  resolve(text: string): TreePath | undefined {
    return text === '' ? undefined : resolvePath(this.#directory, text)
  }

  /** What a listing of the path shows, of the current directory when the text is empty; undefined when there is no such path. */
  entries(text: string): TreeEntry[] | undefined {
    const path = text === '' ? this.#directory : this.resolve(text)
    if (path === undefined) return undefined
    if (this.#tree.isDirectory(path, this.#account())) return this.#tree.list(path, this.#account())
    const file = this.#file(path)
    return file === undefined ? undefined : [{ ...file, name: path.at(-1)!, isDirectory: false }]
  }

  printDirectory(): void {
    this.#control.reply(257, quoted(this.#directory))
  }

  changeDirectory(text: string): void {
    const path = this.resolve(text)
    if (path === undefined || !this.#tree.isDirectory(path, this.#account())) {
      this.#control.reply(550, 'No such directory.')
      return
    }
    this.#directory = path
    this.#control.reply(250, `In ${formatPath(path)}.`)
  }

  makeDirectory(text: string): void {
    const path = this.resolve(text)
    if (path === undefined || !this.#tree.makeDirectory(path, this.#account()))
      this.#control.reply(550, 'Directories at the root are the sources of the configuration.')
    else this.#control.reply(257, quoted(path))
  }

  removeDirectory(text: string): void {
    const path = this.resolve(text)
    const isGone = path !== undefined && this.#sees(path) && this.#tree.removeDirectory(path)
    this.#control.reply(isGone ? 250 : 550, isGone ? 'Removed.' : 'Cannot be removed.')
  }

  size(text: string): void {
    this.#fact(text, ({ bytes }) => String(bytes))
  }

  modified(text: string): void {
    this.#fact(text, file => formatFacts({ ...file, name: '', isDirectory: false }).modify)
  }

  delete(text: string): void {
    const path = this.resolve(text)
    const isGone = path !== undefined && this.#sees(path) && this.#tree.forget(path)
    this.#control.reply(isGone ? 250 : 550, isGone ? 'Not shown any more; what was taken stays taken.' : 'No such file.')
  }

  beginRename(text: string): void {
    const path = this.resolve(text)
    if (path === undefined || this.#file(path) === undefined) {
      this.#control.reply(550, 'No such file.')
      return
    }
    this.#renameFrom = path
    this.#control.reply(350, 'To which name?')
  }

  endRename(text: string): void {
    const from = this.#renameFrom
    this.#renameFrom = undefined
    const to = this.resolve(text)
    if (from === undefined) this.#control.reply(503, 'RNFR first.')
    else if (to === undefined || !this.#tree.rename(from, to, this.#account())) this.#control.reply(553, 'Not a name for a file.')
    else this.#control.reply(250, 'Renamed.')
  }

  /** MLST. */
  describe(text: string): void {
    const path = text === '' ? this.#directory : this.resolve(text)
    const isDirectory = path !== undefined && this.#tree.isDirectory(path, this.#account())
    const file = path === undefined ? undefined : this.#file(path)
    if (path === undefined || (!isDirectory && file === undefined)) {
      this.#control.reply(550, 'No such file.')
      return
    }
    const entry = { bytes: 0, modifiedMs: Date.now(), ...file, name: formatPath(path), isDirectory }
    this.#control.replyLines(250, 'Listing', [formatFacts(entry).line], 'End')
  }

  #fact(text: string, fact: (file: { bytes: number; modifiedMs: number }) => string): void {
    const path = this.resolve(text)
    const file = path === undefined ? undefined : this.#file(path)
    if (file === undefined) this.#control.reply(550, 'No such file.')
    else this.#control.reply(213, fact(file))
  }

  #file(path: TreePath): { bytes: number; modifiedMs: number } | undefined {
    return this.#sees(path) ? this.#tree.file(path) : undefined
  }

  #sees(path: TreePath): boolean {
    return path.length < 2 || this.#tree.isDirectory(path.slice(0, 1), this.#account())
  }
}

const quoted = (path: TreePath): string => `"${formatPath(path).replaceAll('"', '""')}"`

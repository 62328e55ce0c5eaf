/** Where in the YAML text a value of the configuration stands. */
import { type Document, isAlias, isMap, isSeq, type LineCounter, type Node } from 'yaml'
import { type Fault, formatPath, type Path } from './faults.ts'

export class SourceMap {
  readonly #document: Document
  readonly #lines: LineCounter

  constructor(document: Document, lines: LineCounter) {
    this.#document = document
    this.#lines = lines
  }

  /** A fault at the value of `path`, or at its key when `atKey`; at the nearest thing around it that the file has. */
  fault(path: Path, message: string, atKey = false): Fault {
    return { path: formatPath(path), ...this.#position(path, atKey), message }
  }

  #position(path: Path, atKey: boolean): { line: number; column: number } {
    let node = this.#resolve(this.#document.contents)
    let offset = node?.range?.[0] ?? 0
    for (const [depth, part] of path.entries()) {
      const last = depth === path.length - 1
      if (isMap(node)) {
        const pair = node.items.find(item => String((item.key as { value?: unknown } | null)?.value) === String(part))
        if (!pair) break
        const key = pair.key as Node
        node = this.#resolve(pair.value as Node | null)
        offset = ((last && atKey) || !node?.range ? key.range?.[0] : node.range[0]) ?? offset
      } else if (isSeq(node)) {
        node = this.#resolve(node.items[Number(part)] as Node | undefined)
        if (!node) break
        offset = node.range?.[0] ?? offset
      } else break
    }
    const { line, col } = this.#lines.linePos(offset)
    return { line: line || 1, column: col || 1 }
  }

  #resolve(node: Node | null | undefined): Node | null | undefined {
    return isAlias(node) ? node.resolve(this.#document) : node
  }
}

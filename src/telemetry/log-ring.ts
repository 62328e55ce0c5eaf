/** The last lines of the log in memory, for a support bundle: where a log goes is not the collector's to know. */

const LINES_MAX = 1000
const BYTES_MAX = 1024 * 1024

export class LogRing {
  readonly #lines: string[] = []
  #bytes = 0

  /** A line as it was written, secrets already taken out. */
  add(line: string): void {
    this.#lines.push(line)
    this.#bytes += line.length
    while (this.#lines.length > LINES_MAX || this.#bytes > BYTES_MAX) this.#bytes -= this.#lines.shift()!.length
  }

  /** Oldest first, each with its line feed. */
  text(): string {
    return this.#lines.join('')
  }
}

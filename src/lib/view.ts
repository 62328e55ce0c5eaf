/** Hot path: bytes of a buffer read and written four or eight at a time. */

/** The view of the buffer at hand, made once per buffer. Keep one of these per place that sees one buffer after another. */
export class View {
  #buf: Uint8Array | undefined
  #view: DataView = new DataView(new ArrayBuffer(8))

  of(buf: Uint8Array): DataView {
    if (buf !== this.#buf) {
      this.#buf = buf
      this.#view = new DataView(buf.buffer, buf.byteOffset, buf.byteLength)
    }
    return this.#view
  }
}

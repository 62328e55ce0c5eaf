/** Check Point's rows of XML, one element a line. */
import { type Frame, headHas, needle } from '../../src/parse/kit.ts'
import { type RecordFields, URL } from '../../src/record.ts'
import { native } from './fields.ts'

const XML_SRC = needle('<src>')
const XML_ATTRIBUTE = needle(' src="')
const XML_MARKS = ['orig', 'loguid', 'i/f_name', 'product'].map(needle)

/** One XML element a line, with the log's fields as attributes or as children. */
export function isXmlRow(frame: Frame): boolean {
  if (!headHas(frame, XML_SRC) && !headHas(frame, XML_ATTRIBUTE)) return false
  return XML_MARKS.some(mark => headHas(frame, mark))
}

/** Sets values from `name="value"` and `<name>value</name>`. */
export function scanXml(buf: Buffer, start: number, end: number): void {
  const { keys, values } = native
  let word = start
  for (let at = start; at < end; at++) {
    const byte = buf[at]!
    if (byte === 0x3c || byte === 0x20 || byte === 0x22 || byte === 0x2f) word = at + 1
    else if (byte === 0x3e || (byte === 0x3d && buf[at + 1] === 0x22)) {
      const valueStart = byte === 0x3e ? at + 1 : at + 2
      const closing = byte === 0x3e ? 0x3c : 0x22
      let valueEnd = valueStart
      while (valueEnd < end && buf[valueEnd] !== closing) valueEnd++
      const index = keys.indexOf(buf, word, at)
      if (index >= 0 && values[index]!.start < 0) values[index]!.set(valueStart, valueEnd, 0)
      at = valueEnd - (byte === 0x3e ? 1 : 0)
      word = valueEnd + 1
    }
  }
}

/** XML writes `&` of a query as `&amp;`. */
export function undoEntities(out: RecordFields): void {
  const url = out.text(URL)
  if (url?.includes('&amp;')) out.setText(URL, url.replaceAll('&amp;', '&'))
}

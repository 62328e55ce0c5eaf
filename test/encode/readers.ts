/**
 * Readers of the four upload formats, written from their descriptions (record.md section 4: ArcSight CEF, IBM LEEF 1.0, W3C
 * extended log, comma separated columns) and from nothing in src: what they read is what another program would.
 */

/** What came out of one line: each key once. */
export type Pairs = Record<string, string>

/** Cuts a file into lines; a file that does not end with a line feed, or holds an empty line, is wrong. */
export function fileLines(text: string): string[] {
  if (text === '') return []
  if (!text.endsWith('\n')) throw new Error('The last line has no line feed')
  const lines = text.slice(0, -1).split('\n')
  if (lines.includes('')) throw new Error('There is an empty line')
  return lines
}

export interface CefEvent {
  header: string[]
  extension: Pairs
}

/** `CEF:0|vendor|product|version|event|name|severity|extension`, character by character. */
export function readCef(line: string): CefEvent {
  if (!line.startsWith('CEF:0|')) throw new Error(`No CEF: ${line.slice(0, 80)}`)
  const header: string[] = []
  let field = ''
  let at = 'CEF:0|'.length
  for (; header.length < 6; at++) {
    const char = line[at]
    if (char === undefined) throw new Error(`The header is cut off: ${line.slice(0, 80)}`)
    if (char === '\\') field += line[++at]
    else if (char === '|') {
      header.push(field)
      field = ''
    } else field += char
  }
  return { header, extension: readCefExtension(line.slice(at)) }
}

/** A key begins the text or follows a blank, and ends with an `=` that is not escaped; the value reaches to the next key. */
function readCefExtension(text: string): Pairs {
  const pairs: Pairs = {}
  const keys = [...text.matchAll(/(?:^| )([A-Za-z][A-Za-z0-9]*)=/g)]
  keys.forEach((key, index) => {
    const from = key.index + key[0].length
    const to = keys[index + 1]?.index ?? text.length
    if (key[1]! in pairs) throw new Error(`The key ${key[1]} comes twice: ${text}`)
    pairs[key[1]!] = unescapeCef(text.slice(from, to))
  })
  if (keys[0]?.index !== 0) throw new Error(`The extension begins with no key: ${text.slice(0, 80)}`)
  return pairs
}

function unescapeCef(value: string): string {
  let text = ''
  for (let at = 0; at < value.length; at++) {
    if (value[at] === '=') throw new Error(`A bare = in a value: ${value}`)
    if (value[at] !== '\\') {
      text += value[at]
      continue
    }
    const char = value[++at]
    if (char === 'n') text += '\n'
    else if (char === 'r') text += '\r'
    else if (char === '\\' || char === '=') text += char
    else throw new Error(`An escape that is none: ${value}`)
  }
  return text
}

export interface LeefEvent {
  header: string[]
  attributes: Pairs
}

/** `LEEF:1.0|vendor|product|version|event|` and `key=value` separated by TAB, without escapes. */
export function readLeef(line: string): LeefEvent {
  const [version, vendor, product, release, event, ...rest] = line.split('|')
  if (version !== 'LEEF:1.0' || rest.length === 0) throw new Error(`No LEEF: ${line.slice(0, 80)}`)
  const attributes: Pairs = {}
  for (const attribute of rest.join('|').split('\t')) {
    const equals = attribute.indexOf('=')
    if (equals <= 0) throw new Error(`An attribute without key: ${attribute}`)
    const key = attribute.slice(0, equals)
    if (key in attributes) throw new Error(`The key ${key} comes twice`)
    attributes[key] = attribute.slice(equals + 1)
  }
  return { header: [vendor!, product!, release!, event!], attributes }
}

/** A W3C file with its directives once at the head; `-` is absent. */
export function readW3c(text: string): Pairs[] {
  const [version, fields, ...rows] = fileLines(text)
  if (version !== '#Version: 1.0' || !fields?.startsWith('#Fields: ')) throw new Error(`No directives: ${version}`)
  return readColumns(fields.slice('#Fields: '.length).split(' '), rows, ' ', '-')
}

/** A CSV file with its header row once at the head; nothing is quoted, an empty column is absent. */
export function readCsv(text: string): Pairs[] {
  const [names, ...rows] = fileLines(text)
  if (names === undefined || names.includes('"')) throw new Error(`No header row: ${names}`)
  if (rows.some(row => row.includes('"'))) throw new Error('A quote in a row')
  return readColumns(names.split(','), rows, ',', '')
}

function readColumns(names: readonly string[], rows: readonly string[], separator: string, absent: string): Pairs[] {
  return rows.map(row => {
    if (row.startsWith('#')) throw new Error(`A directive in the middle: ${row}`)
    const values = row.split(separator)
    if (values.length !== names.length) throw new Error(`${values.length} columns where there should be ${names.length}: ${row}`)
    return Object.fromEntries(names.flatMap((name, index) => (values[index] === absent ? [] : [[name, values[index]!]])))
  })
}

/**
 * Expressions that a user writes, matched in time linear in the value: no expression can hang a lane.
 *
 *   expression  = branch { "|" branch }           branch = { item }        item = atom [ "*" | "+" | "?" | "{n}" | "{n,}" | "{n,m}" ]
 *   atom        = character | "." | "[…]" | "[^…]" | "(" expression ")" | "(?:" expression ")" | "^" | "$" | "\" escape
 *   escape      = d D w W s S t | any other character, itself
 *
 * `(?i)` at the start ignores case. References back and looking around are refused: they need backtracking, which this does not
 * do. The expression is compiled into a machine whose possible states are all followed at once (Thompson 1968, as RE2 does), so
 * the cost is at most length of value × size of machine, both bounded.
 */

/** Longest expression, and most states of its machine. */
const PATTERN_MAX_CHARS = 512
const STATES_MAX = 1024
/** Longer values are judged by their first characters. */
export const VALUE_MAX_CHARS = 256
const DEPTH_MAX = 32
const REPEAT_MAX = 64
/** Steps are numbered anew before their number outgrows 32 bits. */
const STEPS_MAX = 2 ** 30

type Ranges = readonly (readonly [low: number, high: number])[]

type Node =
  | { kind: 'set'; ranges: Ranges; isNegated: boolean }
  | { kind: 'start' | 'end' }
  | { kind: 'sequence' | 'choice'; nodes: Node[] }
  | { kind: 'repeat'; node: Node; least: number; most: number }

const DIGITS: Ranges = [[0x30, 0x39]]
const WORD: Ranges = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a]
]
const BLANKS: Ranges = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0]
]
const ESCAPED_SETS: Readonly<Record<string, Ranges>> = { d: DIGITS, w: WORD, s: BLANKS }
const LAST_CHAR = 0xffff

/** One state: what it takes, and where it leads. */
interface State {
  test: 'set' | 'start' | 'end' | 'split' | 'match'
  ranges: Ranges
  isNegated: boolean
  next: number
  other: number
}

/** An expression ready to be looked for. */
export class ActionPattern {
  readonly #states: State[] = []
  readonly #first: number
  readonly #ignoresCase: boolean
  /** Per state, the step at which it was last entered, so that each is entered once a step. */
  readonly #entered: Int32Array
  #step = 0

  /** @throws SyntaxError that names what is wrong with the expression. */
  constructor(text: string) {
    if (text.length > PATTERN_MAX_CHARS) throw new SyntaxError(`it has ${text.length} characters, more than ${PATTERN_MAX_CHARS}`)
    this.#ignoresCase = text.startsWith('(?i)')
    const tree = new Reader(this.#ignoresCase ? text.slice(4) : text).read()
    const match = this.#add({ test: 'match', ranges: [], isNegated: false, next: -1, other: -1 })
    this.#first = this.#compile(tree, match)
    this.#entered = new Int32Array(this.#states.length).fill(-1)
  }

  /** True when the expression fits anywhere in the value. */
  test(value: string): boolean {
    const length = Math.min(value.length, VALUE_MAX_CHARS)
    let current: number[] = []
    let next: number[] = []
    if (this.#step > STEPS_MAX) {
      this.#entered.fill(-1)
      this.#step = 0
    }
    this.#step++
    for (let at = 0; at <= length; at++) {
      if (this.#enter(this.#first, at, length, current)) return true
      this.#step++
      if (at === length) break
      const char = value.charCodeAt(at)
      for (const index of current) {
        const state = this.#states[index]!
        if (this.#takes(state, char) && this.#enter(state.next, at + 1, length, next)) return true
      }
      current = next
      next = []
    }
    return false
  }

  /** Adds a state and all it leads to without a character; true when that is a match. */
  #enter(from: number, at: number, length: number, list: number[]): boolean {
    const waiting = [from]
    for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
      if (this.#entered[index] === this.#step) continue
      this.#entered[index] = this.#step
      const { test, next, other } = this.#states[index]!
      if (test === 'match') return true
      if (test === 'set') list.push(index)
      else if (test === 'split') waiting.push(other, next)
      else if (test === 'start' ? at === 0 : at === length) waiting.push(next)
    }
    return false
  }

  #takes({ ranges, isNegated }: State, char: number): boolean {
    const isIn = inRanges(ranges, char) || (this.#ignoresCase && isAsciiLetter(char) && inRanges(ranges, char ^ 0x20))
    return isIn !== isNegated
  }

  #add(state: State): number {
    if (this.#states.length >= STATES_MAX) throw new SyntaxError('it is too large; repeat less')
    return this.#states.push(state) - 1
  }

  /** Makes the states of a node that lead to `next`; returns the first of them. */
  #compile(node: Node, next: number): number {
    switch (node.kind) {
      case 'set':
        return this.#add({ test: 'set', ranges: node.ranges, isNegated: node.isNegated, next, other: -1 })
      case 'start':
      case 'end':
        return this.#add({ test: node.kind, ranges: [], isNegated: false, next, other: -1 })
      case 'sequence':
        return node.nodes.reduceRight((after, item) => this.#compile(item, after), next)
      case 'choice':
        return node.nodes
          .map(item => this.#compile(item, next))
          .reduceRight((other, first) => this.#add({ test: 'split', ranges: [], isNegated: false, next: first, other }))
      case 'repeat':
        return this.#repeat(node.node, node.least, node.most, next)
    }
  }

  #repeat(node: Node, least: number, most: number, next: number): number {
    let entry = next
    if (most === Number.POSITIVE_INFINITY) {
      entry = this.#add({ test: 'split', ranges: [], isNegated: false, next: -1, other: next })
      this.#states[entry]!.next = this.#compile(node, entry)
    } else {
      for (let count = least; count < most; count++) {
        const body = this.#compile(node, entry)
        entry = this.#add({ test: 'split', ranges: [], isNegated: false, next: body, other: next })
      }
    }
    for (let count = 0; count < least; count++) entry = this.#compile(node, entry)
    return entry
  }
}

const isAsciiLetter = (char: number): boolean => (char >= 0x41 && char <= 0x5a) || (char >= 0x61 && char <= 0x7a)

function inRanges(ranges: Ranges, char: number): boolean {
  for (const [low, high] of ranges) if (char >= low && char <= high) return true
  return false
}

const inverse = (ranges: Ranges): Ranges => {
  const gaps: [number, number][] = []
  let low = 0
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (from > low) gaps.push([low, from - 1])
    low = Math.max(low, to + 1)
  }
  return low <= LAST_CHAR ? [...gaps, [low, LAST_CHAR]] : gaps
}

/** Reads the text of an expression into a tree. */
class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  read(): Node {
    const node = this.#choice(0)
    if (this.#at < this.#text.length) throw new SyntaxError(`there is a ")" without "(" at character ${this.#at + 1}`)
    return node
  }

  #choice(depth: number): Node {
    if (depth > DEPTH_MAX) throw new SyntaxError('its groups are nested too deeply')
    const branches = [this.#sequence(depth)]
    while (this.#text[this.#at] === '|') {
      this.#at++
      branches.push(this.#sequence(depth))
    }
    return branches.length === 1 ? branches[0]! : { kind: 'choice', nodes: branches }
  }

  #sequence(depth: number): Node {
    const nodes: Node[] = []
    for (let char = this.#text[this.#at]; char !== undefined && char !== '|' && char !== ')'; char = this.#text[this.#at])
      nodes.push(this.#repeated(this.#atom(depth)))
    return { kind: 'sequence', nodes }
  }

  #repeated(node: Node): Node {
    let times = 0
    for (let result = node; ; times++) {
      const bounds = this.#bounds()
      if (bounds === undefined) return result
      if (node.kind === 'start' || node.kind === 'end' || times > 0)
        throw new SyntaxError(`there is nothing to repeat before character ${this.#at}`)
      if (this.#text[this.#at] === '?') this.#at++ // lazy or greedy is all the same for whether it fits
      result = { kind: 'repeat', node: result, ...bounds }
    }
  }

  #bounds(): { least: number; most: number } | undefined {
    const char = this.#text[this.#at]
    if (char === '*' || char === '+' || char === '?') {
      this.#at++
      return { least: char === '+' ? 1 : 0, most: char === '?' ? 1 : Number.POSITIVE_INFINITY }
    }
    const braces = char === '{' ? /^\{(\d{1,3})(?:(,)(\d{1,3})?)?\}/.exec(this.#text.slice(this.#at, this.#at + 12)) : null
    if (braces === null) return undefined
    this.#at += braces[0].length
    const least = Number(braces[1])
    const most = braces[2] === undefined ? least : braces[3] === undefined ? Number.POSITIVE_INFINITY : Number(braces[3])
    if (least > REPEAT_MAX || (most !== Number.POSITIVE_INFINITY && (most > REPEAT_MAX || most < least)))
      throw new SyntaxError(`${braces[0]} is no good; at most {${REPEAT_MAX}}`)
    return { least, most }
  }

  #atom(depth: number): Node {
    const char = this.#text[this.#at++]!
    switch (char) {
      case '^':
        return { kind: 'start' }
      case '$':
        return { kind: 'end' }
      case '.':
        return { kind: 'set', ranges: [[0, LAST_CHAR]], isNegated: false }
      case '(':
        return this.#group(depth)
      case '[':
        return this.#set()
      case '\\':
        return { kind: 'set', ranges: this.#escape(), isNegated: false }
      case '*':
      case '+':
      case '?':
        throw new SyntaxError(`there is nothing to repeat before "${char}" at character ${this.#at}`)
    }
    return { kind: 'set', ranges: [[char.charCodeAt(0), char.charCodeAt(0)]], isNegated: false }
  }

  #group(depth: number): Node {
    if (this.#text[this.#at] === '?') {
      if (this.#text[this.#at + 1] !== ':')
        throw new SyntaxError('it looks around or names a group, which is not supported; write ( ) or (?: ), and (?i) only at the start')
      this.#at += 2
    }
    const node = this.#choice(depth + 1)
    if (this.#text[this.#at++] !== ')') throw new SyntaxError('a "(" has no ")"')
    return node
  }

  /** After a backslash. */
  #escape(): Ranges {
    const char = this.#text[this.#at++]
    if (char === undefined) throw new SyntaxError('it ends with a backslash')
    const set = Object.hasOwn(ESCAPED_SETS, char.toLowerCase()) ? ESCAPED_SETS[char.toLowerCase()]! : undefined
    if (set !== undefined) return char === char.toLowerCase() ? set : inverse(set)
    if (char === 't') return [[9, 9]]
    if (/[A-Za-z0-9]/.test(char)) throw new SyntaxError(`\\${char} is not supported; there are \\d \\w \\s \\D \\W \\S \\t`)
    return [[char.charCodeAt(0), char.charCodeAt(0)]]
  }

  #set(): Node {
    const isNegated = this.#text[this.#at] === '^'
    if (isNegated) this.#at++
    const ranges: (readonly [number, number])[] = []
    for (let isFirst = true; this.#text[this.#at] !== ']' || isFirst; isFirst = false) {
      if (this.#at >= this.#text.length) throw new SyntaxError('a "[" has no "]"')
      const low = this.#member()
      if (this.#text[this.#at] === '-' && this.#text[this.#at + 1] !== ']' && this.#at + 1 < this.#text.length) {
        this.#at++
        const high = this.#member()
        if (low.length !== 1 || high.length !== 1 || low[0]![0] > high[0]![1]) throw new SyntaxError('a range in [ ] runs backwards')
        ranges.push([low[0]![0], high[0]![1]])
      } else ranges.push(...low)
    }
    this.#at++
    return { kind: 'set', ranges, isNegated }
  }

  #member(): Ranges {
    const char = this.#text[this.#at++]!
    return char === '\\' ? this.#escape() : [[char.charCodeAt(0), char.charCodeAt(0)]]
  }
}

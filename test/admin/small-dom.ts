/** As much of a browser's document as the page uses: elements with children, text and listeners. */

export class SmallElement {
  className = ''
  hidden = false
  value: unknown = ''
  readonly tag: string
  readonly listeners = new Map<string, (event: { preventDefault(): void }) => void>()
  #children: (SmallElement | string)[] = []

  constructor(tag: string) {
    this.tag = tag
  }

  append(...children: (SmallElement | string)[]): void {
    this.#children.push(...children)
  }

  replaceChildren(...children: (SmallElement | string)[]): void {
    this.#children = children
  }

  addEventListener(type: string, listener: (event: { preventDefault(): void }) => void): void {
    this.listeners.set(type, listener)
  }

  get textContent(): string {
    return this.#children.map(child => (typeof child === 'string' ? child : child.textContent)).join(' ')
  }

  set textContent(text: string) {
    this.#children = [text]
  }
}

/** The elements of an HTML text that have an id. */
export function smallDocument(html: string): {
  hidden: boolean
  getElementById(id: string): SmallElement
  createElement(tag: string): SmallElement
} {
  const byId = new Map([...html.matchAll(/<([a-z]+)[^>]*\bid="([^"]+)"/g)].map(match => [match[2]!, new SmallElement(match[1]!)]))
  return {
    hidden: false,
    getElementById(id) {
      const element = byId.get(id)
      if (!element) throw new Error(`no element ${id}`)
      return element
    },
    createElement: tag => new SmallElement(tag)
  }
}

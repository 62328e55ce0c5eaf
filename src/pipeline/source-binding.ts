/** Which sources may take the frames of a peer, by the configuration's `from`. */
import type { SourceConfig } from '../config/schema.ts'
import type { Peer } from '../contracts.ts'
import { CidrList } from '../lib/cidr.ts'

interface Rule {
  name: string
  peers: CidrList | undefined
  receivers: ReadonlySet<string> | undefined
  isRaw: boolean
}

export class SourceBinding {
  readonly #rules: readonly Rule[]

  constructor(sources: readonly SourceConfig[]) {
    this.#rules = sources.map(({ name, from, format }) => ({
      name,
      isRaw: format === 'raw',
      peers: from.peers.length === 0 ? undefined : new CidrList(from.peers),
      receivers: from.receivers.length === 0 ? undefined : new Set(from.receivers)
    }))
  }

  /**
   * Name of the source that a peer's frames belong to before anybody has read them: the one it is bound to, the only one whose
   * `from` names it, or the only one there is for it; undefined when the lines themselves decide.
   */
  foretold(peer: Peer): string | undefined {
    const candidates = this.candidates(peer).map(index => this.#rules[index]!)
    const named = candidates.filter(({ peers, receivers }) => peers !== undefined || receivers !== undefined)
    const [only, ...others] = named.length > 0 ? named : candidates
    return others.length === 0 ? only?.name : undefined
  }

  /**
   * Indexes of the sources, those whose `from` names the peer first, then those without a `from`; each group in configuration
   * order. A receiver that binds its intake to a source (a path, a directory) leaves that one only. A source of raw lines whose
   * `from` names the peer takes all that no other named one does: what a line looks like must not lead it elsewhere.
   */
  candidates(peer: Peer): number[] {
    if (peer.source !== undefined) {
      const bound = this.#rules.findIndex(rule => rule.name === peer.source)
      return bound < 0 ? [] : [bound]
    }
    const named: number[] = []
    const open: number[] = []
    this.#rules.forEach(({ peers, receivers }, index) => {
      if (peers === undefined && receivers === undefined) open.push(index)
      else if ((peers?.contains(peer.address) ?? true) && (receivers?.has(peer.receiver) ?? true)) named.push(index)
    })
    return named.some(index => this.#rules[index]!.isRaw) ? named : [...named, ...open]
  }
}

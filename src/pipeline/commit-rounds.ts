/** One flush and one sync for all senders that wait for a receipt: what `Intake.commit` and `Intake.end` wait for. */

/** Rounds for senders that wait for a receipt do not follow each other faster: each deflates what there is. */
const ROUND_GAP_MS = 25

/** Rounds of one action for all callers that wait: a call joins the next round that has not begun. */
export class CommitRounds {
  readonly #action: () => Promise<void>
  #next: Promise<void> | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(action: () => Promise<void>) {
    this.#action = action
  }

  /** Resolves or rejects with the round that began after the call. */
  commit(): Promise<void> {
    this.#next ??= this.#round()
    return this.#next
  }

  async #round(): Promise<void> {
    await this.#running.catch(() => undefined) // its callers have heard of it
    await new Promise(resolve => setTimeout(resolve, ROUND_GAP_MS))
    this.#running = this.#next!
    this.#next = undefined
    await this.#action()
  }
}

/** At most so many requests in any minute, as the service limits a tenant (30; cloud-discovery, documented since 2020). */
export class RequestWindow {
  readonly #perMinute: number
  #times: number[] = []

  constructor(perMinute: number) {
    this.#perMinute = perMinute
  }

  /** 0 when the request may go on, else the whole seconds until one may. Refused requests do not count. */
  take(now: number): number {
    this.#times = this.#times.filter(time => time > now - 60_000)
    if (this.#times.length >= this.#perMinute) return Math.max(1, Math.ceil((this.#times[0]! + 60_000 - now) / 1000))
    this.#times.push(now)
    return 0
  }
}

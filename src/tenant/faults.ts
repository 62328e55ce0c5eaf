/** Misbehavior on order: tests queue a fault for a call, and the next such call gets it. */

/** The calls of the tenant, as faults and counters name them. */
export type TenantCall = 'upload_url' | 'put' | 'block' | 'block_list' | 'done_upload' | 'streams' | 'token'

export interface Fault {
  /** Answers with this status instead of doing the work. */
  status?: number
  headers?: Record<string, string>
  body?: string
  /** Waits before anything else. */
  delayMs?: number
  /** Never answers. */
  hang?: boolean
  /** Cuts the connection. */
  close?: boolean
  /** Does the work first, and only then answers wrongly, hangs or cuts: the lost answer. */
  worked?: boolean
}

/** A queue per call, first in first out. */
export class Faults {
  readonly #queues = new Map<TenantCall, Fault[]>()

  push(call: TenantCall, ...faults: Fault[]): void {
    this.#queues.set(call, [...(this.#queues.get(call) ?? []), ...faults])
  }

  take(call: TenantCall): Fault | undefined {
    return this.#queues.get(call)?.shift()
  }

  clear(): void {
    this.#queues.clear()
  }
}

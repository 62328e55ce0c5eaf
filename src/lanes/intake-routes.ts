/**
 * Which lane may have the frames of an intake. It starts pinned to one lane. When that has seen that none of its formats keeps state,
 * its frames may go to any, so that one heavy sender uses all cores; a format with state (`#Fields`, a connection table) keeps
 * it pinned.
 */
import type { FrameBlock } from '../lib/frame-block.ts'
import type { IntakeSources, Pin } from './messages.ts'

export interface IntakeRoute {
  /** Indexes of the sources that may take its frames, in configuration order. */
  candidates: number[]
  /** Index of the lane that it is pinned to, while it is. */
  lane: number
  pinned: boolean
  /** A format with state was seen: pinned for good, whatever other lanes, which saw less of the intake, say later. */
  hasState: boolean
  /** Lanes that know the intake, by index. */
  opened: boolean[]
}

export class IntakeRoutes {
  readonly #lanes: number
  readonly #routes = new Map<number, IntakeRoute>()
  /** Intakes that ended and are still known to lanes. */
  #closing: number[] = []
  #next = 0
  /** Frames of one intake come in runs. */
  #lastIntake = -1
  #lastRoute: IntakeRoute | undefined

  constructor(lanes: number) {
    this.#lanes = lanes
  }

  /** A new intake; returns its number. */
  open(candidates: number[]): number {
    const intake = this.#next
    this.#next = (this.#next + 1) >>> 0
    const opened = Array.from({ length: this.#lanes }, () => false)
    this.#routes.set(intake, { candidates, lane: intake % this.#lanes, pinned: true, hasState: false, opened })
    return intake
  }

  /** No more frames will come; the route stays until `takeClosed`. */
  close(intake: number): void {
    this.#closing.push(intake)
  }

  /** Takes the intakes away that were closed, and tells which lanes know them. */
  takeClosed(): { intake: number; opened: boolean[] }[] {
    if (this.#closing.length === 0) return []
    const closed = this.#closing.flatMap(intake => {
      const route = this.find(intake)
      return route === undefined ? [] : [{ intake, opened: route.opened }]
    })
    for (const { intake } of closed) this.#routes.delete(intake)
    this.#closing = []
    this.#lastIntake = -1
    return closed
  }

  /** The route of an intake that is open. Hot path: once per frame. */
  of(intake: number): IntakeRoute {
    if (intake !== this.#lastIntake) {
      this.#lastRoute = this.#routes.get(intake)
      this.#lastIntake = intake
    }
    return this.#lastRoute!
  }

  find(intake: number): IntakeRoute | undefined {
    return this.#routes.get(intake)
  }

  /** The lane that the frames of a block must go to, by index, or undefined when any may have them. */
  laneOf(block: FrameBlock): number | 'several' | undefined {
    let wanted: number | undefined
    let last = -1
    for (let i = 0; i < block.count; i++) {
      const intake = block.intake(i)
      if (intake === last) continue
      last = intake
      const route = this.#routes.get(intake)!
      if (!route.pinned) continue
      if (wanted !== undefined && wanted !== route.lane) return 'several'
      wanted = route.lane
    }
    return wanted
  }

  /** What a lane has seen of an intake. */
  pin({ intake, pinned }: Pin, lane: number): void {
    const route = this.find(intake)
    if (route === undefined || route.hasState) return
    if (pinned) route.lane = lane
    route.hasState = pinned
    route.pinned = pinned
  }

  /** Other sources may take the frames from now on; an intake that is not in the map belongs to none. */
  rebind(candidates: ReadonlyMap<number, number[]>): void {
    for (const [intake, route] of this.#routes) route.candidates = candidates.get(intake) ?? []
  }

  /** The intakes that a lane knows. */
  openedOn(lane: number): IntakeSources[] {
    return [...this.#routes].filter(([, { opened }]) => opened[lane]).map(([intake, { candidates }]) => [intake, candidates])
  }

  /** A lane ended, and knows no intake any more. */
  forgetLane(lane: number): void {
    for (const { opened } of this.#routes.values()) opened[lane] = false
  }
}

/** What a run has done and seen: the basis of its verdict. */
import type { FailpointName } from "#shared/failpoint.ts"
import type { Wish } from "#tests/support/customer.ts"

/** The fields of an order that never change. */
export interface Acknowledged {
  readonly id: string
  readonly username: string
  readonly amount: number
  readonly item: number
  readonly slot: string
  readonly createdAt: string
}

/** An order that a customer sends until it is acknowledged. */
export interface Submission {
  readonly key: string
  readonly username: string
  readonly wish: Wish
  readonly mustBe: "completed" | "failed"
  readonly sent: "once" | "again after the answer" | "twice at once"
  /** Whether its customer cancels it as soon as it is acknowledged. */
  readonly cancels: boolean
  /** Whether the cancel was in time, as the customer was told. */
  cancelled: boolean | undefined
  /** Whether it was first sent while nothing was broken. */
  readonly inCalm: boolean
  /** Whether the first attempt was acknowledged. */
  atOnce: boolean
  acknowledged: Acknowledged | undefined
  /** The final status that the customer was told. */
  told: string | undefined
}

/** A fault as it happened. */
export interface Injection {
  readonly kind: string
  readonly fromMs: number
  /** Equal to `fromMs` for a fault that takes no time, such as a kill. */
  readonly untilMs: number
}

export interface Reconnect {
  readonly replica: string
  readonly after: string
  readonly ms: number
}

export interface Evidence {
  readonly submissions: Array<Submission>
  readonly injections: Array<Injection>
  /** How often a replica killed itself at each failpoint. */
  readonly failpointsHit: Map<FailpointName, number>
  readonly reconnects: Array<Reconnect>
  /** What must not happen, a line for each event. */
  readonly wrong: Array<string>
  /** Whether something is broken on purpose now, or is not back yet. */
  broken: boolean
  answersCompared: number
}

export const noEvidence = (): Evidence => ({
  submissions: [],
  injections: [],
  failpointsHit: new Map(),
  reconnects: [],
  wrong: [],
  broken: false,
  answersCompared: 0,
})

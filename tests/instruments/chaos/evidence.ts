/** What a run has done and seen: the material that its verdict is made of. */
import type { FailpointName } from "#shared/failpoint.ts"
import type { Wish } from "#tests/support/customer.ts"

/** What of an order never changes. */
export interface Acknowledged {
  readonly id: string
  readonly username: string
  readonly amount: number
  readonly item: number
  readonly slot: string
  readonly createdAt: string
}

/** One order that a customer wants, and sends until it is acknowledged. */
export interface Submission {
  readonly key: string
  readonly username: string
  readonly wish: Wish
  readonly mustBe: "completed" | "failed"
  readonly sent: "once" | "again after the answer" | "twice at once"
  /** Its customer cancels it as soon as it is acknowledged. */
  readonly cancels: boolean
  /** What the customer was told of that: whether it came in time. */
  cancelled: boolean | undefined
  /** It was first sent while nothing was broken. */
  readonly inCalm: boolean
  /** The first try was acknowledged. */
  atOnce: boolean
  acknowledged: Acknowledged | undefined
  /** The final status that the customer was told. */
  told: string | undefined
}

/** A fault as it happened. */
export interface Injection {
  readonly kind: string
  readonly fromMs: number
  /** The same instant for what takes no time, such as a kill. */
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
  /** How often a replica killed itself there. */
  readonly failpointsHit: Map<FailpointName, number>
  readonly reconnects: Array<Reconnect>
  /** What must not be, a line each. */
  readonly wrong: Array<string>
  /** Something is broken on purpose now, or has not come back from it. */
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

/** What is promised of orders whatever fails, held to what the running audit tells. */
import type { AuditState } from "#shared/contracts/audit.ts"
import type { Promised } from "#shared/contracts/console-faults.ts"

export interface Told {
  /** Null while it is not known. */
  readonly audit: AuditState | null
  readonly unfinished: number | null
  /** Whether faults are set somewhere, or may be. */
  readonly faultsGoOn: boolean
}

type Judged = Pick<Promised, "holds" | "broken" | "checked">

const unknown: Judged = { holds: null, broken: null, checked: null }

const judged = (broken: number, checked: number): Judged => ({
  holds: broken === 0,
  broken,
  checked,
})

/** Judges the promises that can be told while everything goes on. */
export const judgePromises = (
  { audit, unfinished, faultsGoOn }: Told,
): ReadonlyArray<Promised> => {
  const isKnown = audit !== null && audit.auditedAt !== null
  const byAudit = (judge: (audit: AuditState) => Judged) => isKnown ? judge(audit) : unknown
  return [
    {
      id: "I1",
      promise: "An order holds money, item and slot, or nothing of them.",
      ...byAudit(({ found, orders }) =>
        judged(
          found.missing + found.mismatch + found.leftover + found.orphan,
          orders.allHeld + orders.noneHeld + orders.inQuestion,
        )
      ),
    },
    {
      id: "I2",
      promise: "What there was is left, held or used, and nothing of it twice.",
      ...byAudit(({ found, resources }) => judged(found.imbalance, resources)),
    },
    {
      id: "I5",
      promise: "No order that was accepted is lost: each is final by its time.",
      ...byAudit(({ found, orders }) =>
        judged(
          found.stuck,
          orders.allHeld + orders.noneHeld + orders.inFlight + orders.inQuestion,
        )
      ),
    },
    {
      id: "I12",
      promise: "When the faults are over, everything becomes final.",
      ...unknown,
      // While some are under way, that they become final is still to be seen; I5 has those that take too long.
      holds: !faultsGoOn && unfinished === 0 ? true : null,
    },
  ]
}

/** Checks the system's promises against the running audit. */
import type { AuditState } from "#shared/contracts/audit.ts"
import type { Promised } from "#shared/contracts/console-faults.ts"

export interface Told {
  /** Null while unknown. */
  readonly audit: AuditState | null
  readonly unfinished: number | null
  /** Whether faults are set, or may be set, at some service. */
  readonly faultsGoOn: boolean
}

type Judged = Pick<Promised, "holds" | "broken" | "checked">

const unknown: Judged = { holds: null, broken: null, checked: null }

const judged = (broken: number, checked: number): Judged => ({
  holds: broken === 0,
  broken,
  checked,
})

/** Judges the promises that can be checked while the system runs. */
export const judgePromises = (
  { audit, unfinished, faultsGoOn }: Told,
): ReadonlyArray<Promised> => {
  const isKnown = audit !== null && audit.auditedAt !== null
  const byAudit = (judge: (audit: AuditState) => Judged) => isKnown ? judge(audit) : unknown
  return [
    {
      id: "I1",
      promise: "A final order holds its money, item and slot, or none of them.",
      ...byAudit(({ found, orders }) =>
        judged(
          found.missing + found.mismatch + found.leftover + found.orphan,
          orders.allHeld + orders.noneHeld + orders.inQuestion,
        )
      ),
    },
    {
      id: "I2",
      promise: "The books balance: everything is either left, held or used, and only once.",
      ...byAudit(({ found, resources }) => judged(found.imbalance, resources)),
    },
    {
      id: "I5",
      promise: "No accepted order is lost: each becomes final in time.",
      ...byAudit(({ found, orders }) =>
        judged(
          found.stuck,
          orders.allHeld + orders.noneHeld + orders.inFlight + orders.inQuestion,
        )
      ),
    },
    {
      id: "I12",
      promise: "After the faults end, every order becomes final.",
      ...unknown,
      // Unknown while orders are in flight. I5 covers those that take too long.
      holds: !faultsGoOn && unfinished === 0 ? true : null,
    },
  ]
}

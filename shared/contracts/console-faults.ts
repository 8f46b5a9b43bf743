/** Faults and promises as the console shows them. The routes exist only where FAULTS=1. */
import { Schema } from "effect"
import { unavailable } from "./console.ts"
import { FaultState, faultyServices } from "./faults.ts"

const service = Schema.Literals(faultyServices)

/** :service in POST /api/console/faults/:service, which takes FaultsWanted and gives FaultState. */
export const FaultyParams = Schema.Struct({ service })

/** A promise, by its number in tests/README.md, checked by the running audit. */
export const Promised = Schema.Struct({
  id: Schema.Literals(["I1", "I2", "I5", "I12"]),
  promise: Schema.String,
  /**
   * Null while unknown: nothing was audited yet, or (I12) faults are set or some orders are not
   * final.
   */
  holds: Schema.NullOr(Schema.Boolean),
  /** How many orders break it; for I2, how many resources. */
  broken: Schema.NullOr(Schema.Int),
  /** How many were checked. */
  checked: Schema.NullOr(Schema.Int),
}).annotate({ identifier: "Promised" })
export type Promised = typeof Promised.Type

/** GET /api/console/faults */
export const FaultsShown = Schema.Struct({
  /** `faults` is null for a service that does not answer. One without faults to set is left out. */
  services: Schema.Array(Schema.Struct({ service, faults: Schema.NullOr(FaultState) })),
  promises: Schema.Array(Promised),
  /** When the last full audit was made, which checks all promises but I12; null when unknown. */
  auditedAt: Schema.NullOr(Schema.String),
  /** How many orders are not final; null when unknown. */
  unfinished: Schema.NullOr(Schema.Int),
  unavailable,
  at: Schema.String,
}).annotate({ identifier: "FaultsShown" })
export type FaultsShown = typeof FaultsShown.Type

// POST /api/console/orchestrator/kill   FaultReason -> 202 {} (faults.ts)
// POST /api/console/queue/wipe          FaultReason -> Wiped (faults.ts)

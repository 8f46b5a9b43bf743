/** What the console shows of faults, and of what must hold whatever they do. Only where FAULTS=1; else its routes are not there. */
import { Schema } from "effect"
import { unavailable } from "./console.ts"
import { FaultState, faultyServices } from "./faults.ts"

const service = Schema.Literals(faultyServices)

/** :service in POST /api/console/faults/:service, which takes FaultsWanted and gives FaultState. */
export const FaultyParams = Schema.Struct({ service })

/** What is promised, by the number that it has in tests/README.md, as far as the running audit can tell. */
export const Promised = Schema.Struct({
  id: Schema.Literals(["I1", "I2", "I5", "I12"]),
  promise: Schema.String,
  /** Null while it cannot be told: nothing was audited yet, faults go on, or some orders are not final yet (I12). */
  holds: Schema.NullOr(Schema.Boolean),
  /** How many break it: orders, or for I2 resources. */
  broken: Schema.NullOr(Schema.Int),
  /** Of how many that were looked at. */
  checked: Schema.NullOr(Schema.Int),
}).annotate({ identifier: "Promised" })
export type Promised = typeof Promised.Type

/** GET /api/console/faults */
export const FaultsShown = Schema.Struct({
  /** Null of a service that cannot be asked. One that has no faults to set is left out. */
  services: Schema.Array(Schema.Struct({ service, faults: Schema.NullOr(FaultState) })),
  promises: Schema.Array(Promised),
  /** Of when the audit is that the promises but the last are held to; null when it is not known. */
  auditedAt: Schema.NullOr(Schema.String),
  /** Orders that are not final; null when it is not known. */
  unfinished: Schema.NullOr(Schema.Int),
  unavailable,
  at: Schema.String,
}).annotate({ identifier: "FaultsShown" })
export type FaultsShown = typeof FaultsShown.Type

// POST /api/console/orchestrator/kill   FaultReason -> 202 {} (faults.ts)
// POST /api/console/queue/wipe          FaultReason -> Wiped (faults.ts)

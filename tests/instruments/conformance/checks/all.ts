/**
 * All checks, in the order in which they are tried: from one command to many, from requests to
 * forgetting.
 */
import type { Check } from "../check.ts"
import { ageingChecks } from "./ageing.ts"
import { auditChecks } from "./audit.ts"
import { batchChecks } from "./batches.ts"
import { forgettingChecks } from "./forgetting.ts"
import { healthChecks } from "./health.ts"
import { lostChecks } from "./lost.ts"
import { parallelChecks } from "./parallel.ts"
import { requestChecks } from "./requests.ts"
import { sizeChecks } from "./sizes.ts"
import { tableChecks } from "./table.ts"
import { tokenChecks } from "./tokens.ts"

export const checks: ReadonlyArray<Check> = [
  ...healthChecks,
  ...tableChecks,
  ...parallelChecks,
  ...batchChecks,
  ...requestChecks,
  ...sizeChecks,
  ...tokenChecks,
  ...auditChecks,
  ...ageingChecks,
  ...forgettingChecks,
  ...lostChecks,
]

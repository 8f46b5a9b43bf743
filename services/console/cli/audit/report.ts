/**
 * The output of the audit: a line for each finding, then totals and remedies; for people, or as
 * lines of JSON.
 */
import type { Finding } from "#services/orchestrator/audit/finding.ts"
import { leftOf, type Sums } from "#services/orchestrator/audit/sums.ts"
import { printable } from "#shared/command/printable.ts"
import { findingKinds } from "#shared/contracts/audit.ts"
import { counted, spanOf } from "../output.ts"
import type { Missing } from "./system.ts"

/** How findings and totals are written. */
export interface Report {
  readonly finding: (finding: Finding, healed: boolean) => string
  readonly sums: (sums: Sums, missing: ReadonlyArray<Missing>) => string
}

export const jsonReport: Report = {
  finding: ({ heal: _, ...finding }, healed) => JSON.stringify({ ...finding, healed }),
  sums: (sums, missing) =>
    JSON.stringify({ ...sums, remedies: undefined, left: leftOf(sums), missing }),
}

export const textReport: Report = {
  finding: ({ kind, orderId, ageMs, cause }, healed) =>
    [
      kind.padEnd(9),
      (orderId ?? "books").padEnd(36),
      (ageMs === null ? "" : spanOf(ageMs)).padStart(5),
      ` ${printable(cause)}${healed ? " (healed)" : ""}`,
    ].join(" "),
  sums: (sums, missing) => {
    const { allHeld, noneHeld, inFlight, inQuestion, resources, found, healed, remedies } = sums
    const orders = allHeld + noneHeld + inFlight + inQuestion
    const kinds = findingKinds.filter((kind) => found[kind] > 0)
    const findings = kinds.map((kind) => `${counted(found[kind])} ${kind}`).join(", ")
    return [
      `Orders    ${counted(orders)}: held by all ${counted(allHeld)}, by none ${
        counted(noneHeld)
      }, in flight ${counted(inFlight)}, with findings ${counted(inQuestion)}`,
      `Books     ${counted(resources)} resources, ` +
      (found.imbalance === 0 ? "all balance" : `${counted(found.imbalance)} do not balance`),
      `Findings  ${findings || "none"}${healed === 0 ? "" : `; ${counted(healed)} healed`}`,
      ...[...remedies].map(([remedy, kind]) => `  ${kind}: ${printable(remedy)}`),
      ...missingLines(missing),
    ].join("\n")
  },
}

const missingLines = (missing: ReadonlyArray<Missing>): ReadonlyArray<string> =>
  missing.length === 0 ? [] : [
    "Missing   these parts could not be audited; nothing is healed until they can be",
    ...missing.map(({ part, cause }) => `  ${part}: ${printable(cause)}`),
  ]

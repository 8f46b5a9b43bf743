/** What the audit prints: a line for each finding, then the sums and what to do; for people, or as lines of JSON. */
import type { Audited } from "#services/orchestrator/audit/audit.ts"
import type { Finding } from "#services/orchestrator/audit/finding.ts"
import { printable } from "#shared/command/printable.ts"
import { type FindingKind, findingKinds } from "#shared/contracts/audit.ts"
import { counted, spanOf } from "../output.ts"
import type { Missing } from "./system.ts"

/** The sums of an audit. */
export interface Sums extends Omit<Audited, "findings" | "downTo"> {
  readonly found: Readonly<Record<FindingKind, number>>
  readonly healed: number
  /** What is to be done about the findings that are left, each once. */
  readonly remedies: ReadonlyMap<string, FindingKind>
}

export const noSums: Sums = {
  allHeld: 0,
  noneHeld: 0,
  inFlight: 0,
  inQuestion: 0,
  resources: 0,
  found: { missing: 0, mismatch: 0, leftover: 0, orphan: 0, stuck: 0, imbalance: 0 },
  healed: 0,
  remedies: new Map(),
}

/** The sums with one more part of the audit. */
export const plus = (sums: Sums, part: Audited, isHealed: (finding: Finding) => boolean): Sums => {
  const found = { ...sums.found }
  const remedies = new Map(sums.remedies)
  let { healed } = sums
  for (const finding of part.findings) {
    found[finding.kind]++
    if (isHealed(finding)) healed++
    else remedies.set(finding.remedy, finding.kind)
  }
  return {
    allHeld: sums.allHeld + part.allHeld,
    noneHeld: sums.noneHeld + part.noneHeld,
    inFlight: sums.inFlight + part.inFlight,
    inQuestion: sums.inQuestion + part.inQuestion,
    resources: sums.resources + part.resources,
    found,
    healed,
    remedies,
  }
}

/** The findings that are left. */
export const leftOf = ({ found, healed }: Sums): number =>
  Object.values(found).reduce((sum, count) => sum + count, 0) - healed

/** How findings and sums are written. */
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
      }, in flight ${counted(inFlight)}, in question ${counted(inQuestion)}`,
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
    "Missing   these parts were not looked at, and nothing is healed until they are",
    ...missing.map(({ part, cause }) => `  ${part}: ${printable(cause)}`),
  ]

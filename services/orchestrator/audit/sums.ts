/** The result of an audit: the sums of its parts. */
import { type FindingKind, findingKinds } from "#shared/contracts/audit.ts"
import type { Audited } from "./audit.ts"
import type { Finding } from "./finding.ts"

export interface Sums extends Omit<Audited, "findings" | "downTo"> {
  readonly found: Readonly<Record<FindingKind, number>>
  readonly healed: number
  /** The remedies of the findings that are left, each once. */
  readonly remedies: ReadonlyMap<string, FindingKind>
}

export const nothingFound = Object.fromEntries(
  findingKinds.map((kind) => [kind, 0]),
) as Sums["found"]

export const noSums: Sums = {
  allHeld: 0,
  noneHeld: 0,
  inFlight: 0,
  inQuestion: 0,
  resources: 0,
  found: nothingFound,
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
export const leftOf = ({ found, healed }: Pick<Sums, "found" | "healed">): number =>
  Object.values(found).reduce((sum, count) => sum + count, 0) - healed

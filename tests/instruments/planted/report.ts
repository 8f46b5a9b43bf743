/** The output of a run: a line for each mutation, and the tables of all. */
import type { Absorbed, Bug } from "./bug.ts"
import type { Hunted } from "./hunt.ts"

export interface Judged<M extends Bug | Absorbed> {
  readonly mutation: M
  readonly hunted: Hunted
  /** The violated invariant, if it is one of those that the bug is listed with. */
  readonly shownBy: string | undefined
  /** Whether the result is as listed. */
  readonly asExpected: boolean
}

/** A bug must violate one of its invariants; an absorbed change must violate none. */
export const judged = <M extends Bug | Absorbed>(mutation: M, hunted: Hunted): Judged<M> => {
  const violations = hunted.finding?.violations ?? []
  const expected = "caughtBy" in mutation ? mutation.caughtBy : []
  const shownBy = violations.find(({ invariant }) => expected.includes(invariant))?.invariant
  const asExpected = "caughtBy" in mutation ? shownBy !== undefined : violations.length === 0
  return { mutation, hunted, shownBy, asExpected }
}

/** The result of one hunt, in one line. */
export const line = ({ mutation, hunted, asExpected }: Judged<Bug | Absorbed>): string => {
  const { finding, tookMs } = hunted
  const violation = finding?.violations[0]
  const shown = violation === undefined
    ? "no violation"
    : `seed ${finding?.seed}, ${violation.invariant}: ${violation.found.replace(/\s+/g, " ")}`
  const isBug = "caughtBy" in mutation
  const verdict = asExpected ? isBug ? "caught" : "absorbed" : isBug ? "MISSED" : "NOT ABSORBED"
  const expected = asExpected || !isBug ? "" : ` (expected ${mutation.caughtBy.join(" or ")})`
  return `${verdict}  ${mutation.name}: ${shown}${expected} (${(tookMs / 1000).toFixed(1)} s)`
}

const row = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`
const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) =>
  [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n")

/** The tables of the README. */
export const markdown = (
  bugs: ReadonlyArray<Judged<Bug>>,
  absorbed: ReadonlyArray<Judged<Absorbed>>,
): string =>
  [
    table(
      ["bug", "what it is", "of a kind seen in", "caught by", "at seed"],
      bugs.map(({ mutation, hunted, shownBy }) => [
        `\`${mutation.name}\``,
        mutation.what,
        mutation.seenIn,
        shownBy ?? "MISSED",
        `${hunted.finding?.seed ?? ""}`,
      ]),
    ),
    table(
      ["change", "what it is", "why it does no harm"],
      absorbed.map(({ mutation, asExpected }) => [
        `\`${mutation.name}\``,
        mutation.what,
        asExpected ? mutation.because : "IT DOES",
      ]),
    ),
  ].join("\n\n")

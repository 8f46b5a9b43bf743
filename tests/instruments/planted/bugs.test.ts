/** The list of planted bugs fits the current sources, and the README has all of it. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { misfits } from "./bug.ts"
import { absorbed, bugs } from "./bugs.ts"
import { judged, line, markdown } from "./report.ts"
import { textOf } from "./tree.ts"

const all = [...bugs, ...absorbed]
const [bug, change] = [bugs[0]!, absorbed[0]!]
const found = (invariant: string) => ({
  finding: { seed: 7, violations: [{ invariant, found: "9 left,\n  of 8" }] },
  tookMs: 1_200,
})
const nothing = { finding: undefined, tookMs: 30_000 }

describe("the planted bugs", () => {
  it("each replace a text that occurs once in the sources", () => {
    expect(misfits(all, textOf)).toEqual([])
  })

  it("have different names, and are at least eighteen", () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length)
    expect(bugs.length).toBeGreaterThanOrEqual(18)
  })

  it("are all in the README, with their descriptions", () => {
    const readme = readFileSync(join(import.meta.dirname, "README.md"), "utf8")
    const missing = all.filter(({ name, what }) =>
      !readme.includes(`\`${name}\``) || !readme.includes(what)
    )
    expect(missing.map(({ name }) => name)).toEqual([])
  })

  it("are named with their file when they no longer fit the sources", () => {
    const edits = [{ file: "a.ts", replace: "one\ntwo", by: "" }]
    const mutation = { name: "some-bug", what: "", edits }
    expect(misfits([mutation], () => "one\ntwo one\ntwo"))
      .toEqual([`some-bug: its text occurs 2 times in a.ts, not once: "one"`])
    expect(misfits([mutation], () => "three")).toHaveLength(1)
  })
})

describe("the verdict", () => {
  it("takes a bug for caught only by its own invariants", () => {
    const [expected = ""] = bug.caughtBy
    expect(judged(bug, found(expected))).toMatchObject({ asExpected: true, shownBy: expected })
    expect(judged(bug, found("I0"))).toMatchObject({ asExpected: false, shownBy: undefined })
    expect(judged(bug, nothing).asExpected).toBe(false)
  })

  it("takes a change for absorbed if it shows no violation", () => {
    expect(judged(change, nothing).asExpected).toBe(true)
    expect(judged(change, found("I1")).asExpected).toBe(false)
  })

  it("is one line that names seed, invariant and finding", () => {
    expect(line(judged(bug, found("I0"))))
      .toBe(
        `MISSED  ${bug.name}: seed 7, I0: 9 left, of 8 ` +
          `(expected ${bug.caughtBy.join(" or ")}) (1.2 s)`,
      )
    expect(line(judged(change, nothing))).toBe(`absorbed  ${change.name}: no violation (30.0 s)`)
  })

  it("is a row of its table", () => {
    const [expected = ""] = bug.caughtBy
    const tables = markdown([judged(bug, found(expected))], [judged(change, found("I1"))])
    expect(tables).toContain(
      `| \`${bug.name}\` | ${bug.what} | ${bug.seenIn} | ${expected} | 7 |`,
    )
    expect(tables).toContain(`| \`${change.name}\` | ${change.what} | IT DOES |`)
  })
})

import { assert, describe, it } from "@effect/vitest"
import { trailSyntax } from "#compose/trail/arguments.ts"
import { understand } from "#shared/command/understand.ts"

const nowMs = Date.parse("2026-01-31T12:00:00Z")
const parse = (...words: ReadonlyArray<string>) => understand(trailSyntax(nowMs), words)
const searchOf = (...words: ReadonlyArray<string>) => {
  const given = parse(...words)
  return given.task === "run" ? given.options.search : assert.fail(JSON.stringify(given))
}

describe("the arguments of the audit trail", () => {
  it("say what is looked for, in any order, and omit what is not given", () => {
    assert.deepStrictEqual(searchOf(), { limit: 1_000 })
    assert.deepStrictEqual(
      searchOf("--outcome=refused", "--user", "ada", "--limit", "5", "--event", "log-in"),
      { username: "ada", event: "log-in", outcome: "refused", limit: 5 },
    )
    assert.deepStrictEqual(searchOf("--address", "2001:db8:1:2::/64").address, "2001:db8:1:2::/64")
    assert.deepStrictEqual(parse("--json"), {
      task: "run",
      options: { search: { limit: 1_000 }, json: true },
    })
  })

  it("accept an instant, or how long ago it was", () => {
    assert.deepStrictEqual(searchOf("--since", "2 hours", "--until", "2026-01-31T11:00Z"), {
      since: new Date(nowMs - 7_200_000),
      until: new Date(nowMs - 3_600_000),
      limit: 1_000,
    })
  })

  it("find a name as it is stored, however it was typed", () =>
    assert.strictEqual(searchOf("--user", "ad\uFF41").username, "ada"))

  for (
    const words of [
      ["--what"],
      ["ada"],
      ["--user"],
      ["--json=yes"],
      ["--outcome", "good"],
      ["--event", "login"],
      ["--limit", "0"],
      ["--limit", "-1"],
      ["--limit", "x"],
      ["--since", "yesterday"],
      ["--until", ""],
      ["--since", "forever"],
      ["--since", "2"],
    ]
  ) {
    it(`that are ${JSON.stringify(words)} are refused in one line that names the help`, () => {
      const given = parse(...words)
      if (given.task !== "refuse") return assert.fail(`it accepted ${JSON.stringify(given)}`)
      assert.match(given.message, /^[^\n]+: see npm run trail -- --help$/)
    })
  }
})

import { assert, describe, it } from "@effect/vitest"
import { help, parseArguments } from "#compose/audit/arguments.ts"

describe("the audit's arguments", () => {
  for (
    const [words, heal, json] of [
      [[], false, false],
      [["--heal"], true, false],
      [["--json"], false, true],
      [["--json", "--heal", "--heal"], true, true],
    ] as const
  ) {
    it(`reads ${JSON.stringify(words)}`, () =>
      assert.deepStrictEqual(parseArguments(words), { task: "run", heal, json }))
  }

  it("shows its help when asked, whatever else is said", () => {
    for (const words of [["--help"], ["-h"], ["--heal", "--what", "--help"]]) {
      assert.deepStrictEqual(parseArguments(words), { task: "help" })
    }
    for (const flag of ["--heal", "--json", "--help"]) assert.include(help, flag)
    for (const line of help.split("\n")) assert.isAtMost(line.length, 100)
  })

  for (
    const words of [["--fix"], ["heal"], ["--heal=yes"], ["--json", "x"], ["--two\nlines"], [""]]
  ) {
    it(`refuses ${JSON.stringify(words)} in one line that names the help`, () => {
      const given = parseArguments(words)
      if (given.task !== "refuse") return assert.fail(`it understood ${given.task}`)
      assert.include(given.message, "npm run audit -- --help")
      assert.notInclude(given.message, "\n")
    })
  }
})

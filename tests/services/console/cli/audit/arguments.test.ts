import { assert, describe, it } from "@effect/vitest"
import { auditSyntax } from "#services/console/cli/audit/command.ts"
import { understand } from "#shared/command/understand.ts"

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
      assert.deepStrictEqual(understand(auditSyntax, words), {
        task: "run",
        options: { heal, json, url: undefined },
      }))
  }

  for (
    const words of [["--fix"], ["heal"], ["--heal=yes"], ["--json", "x"], ["--two\nlines"], [""]]
  ) {
    it(`refuses ${JSON.stringify(words)} in one line that names the help`, () => {
      const given = understand(auditSyntax, words)
      if (given.task !== "refuse") return assert.fail(`It understood ${given.task}`)
      assert.include(given.message, "npm run audit -- --help")
      assert.notInclude(given.message, "\n")
    })
  }
})

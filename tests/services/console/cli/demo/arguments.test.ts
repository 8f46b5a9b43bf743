import { assert, describe, it } from "@effect/vitest"
import { demoSyntax } from "#services/console/cli/demo/command.ts"
import { understand } from "#shared/command/understand.ts"

const run = (baseUrl: string | undefined) => ({ task: "run" as const, options: { baseUrl } })

describe("the arguments of the demo", () => {
  for (
    const [words, baseUrl] of [
      [[], undefined],
      [["--base-url", "http://localhost:9000"], "http://localhost:9000"],
      [["--base-url=http://localhost:9000/"], "http://localhost:9000"],
      [["--base-url", "https://orders.example.com/unwind/"], "https://orders.example.com/unwind"],
      [["--base-url", "http://one.test", "--base-url", "http://two.test"], "http://two.test"],
    ] as const
  ) {
    it(`reads ${JSON.stringify(words)}`, () =>
      assert.deepStrictEqual(understand(demoSyntax, words), run(baseUrl)))
  }

  for (
    const words of [
      ["--base"],
      ["http://localhost:8080"],
      ["--base-url"],
      ["--base-url="],
      ["--base-url", "localhost:8080"],
      ["--base-url", "ftp://localhost"],
      ["--two\nlines"],
    ]
  ) {
    it(`refuses ${JSON.stringify(words)} in one line that names the help`, () => {
      const given = understand(demoSyntax, words)
      if (given.task !== "refuse") return assert.fail(`It understood ${given.task}`)
      assert.include(given.message, "npm run demo -- --help")
      assert.notInclude(given.message, "\n")
    })
  }
})

import { assert, describe, it } from "@effect/vitest"
import { help, parseArguments } from "#compose/demo/arguments.ts"

const run = (baseUrl: string | undefined) => ({ task: "run" as const, baseUrl })

describe("parseArguments", () => {
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
      assert.deepStrictEqual(parseArguments(words), run(baseUrl)))
  }

  it("shows its help when asked, whatever else is said", () => {
    for (const words of [["--help"], ["-h"], ["--base-url", "http://one.test", "--help"]]) {
      assert.deepStrictEqual(parseArguments(words), { task: "help" })
    }
    assert.include(help, "--base-url")
    for (const line of help.split("\n")) assert.isAtMost(line.length, 100)
  })

  for (
    const words of [
      ["--base"],
      ["http://localhost:8080"],
      ["--base-url"],
      ["--base-url="],
      ["--base-url", "localhost:8080"],
      ["--base-url", "ftp://localhost"],
      ["--base-url", "--help"],
      ["--two\nlines"],
    ]
  ) {
    it(`refuses ${JSON.stringify(words)} in one line that names the help`, () => {
      const given = parseArguments(words)
      if (given.task !== "refuse") return assert.fail(`it understood ${given.task}`)
      assert.include(given.message, "npm run demo -- --help")
      assert.notInclude(given.message, "\n")
    })
  }
})

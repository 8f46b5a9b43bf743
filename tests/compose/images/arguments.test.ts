import { describe, expect, it } from "vitest"
import { imagesSyntax } from "#compose/images/arguments.ts"
import { understand } from "#shared/command/understand.ts"

const parse = (words: ReadonlyArray<string>) =>
  understand(imagesSyntax(["redis", "postgres"]), words)

describe("the arguments of npm run images", () => {
  it.each([
    [[], { task: "list", names: [] }],
    [["--check"], { task: "check", names: [] }],
    [["--pin", "redis"], { task: "pin", names: ["redis"] }],
    [["redis", "--unpin", "postgres"], { task: "unpin", names: ["redis", "postgres"] }],
    [["--pin", "--registry", "http://localhost:5000"], { registry: "http://localhost:5000" }],
  ])("are understood: %j", (words, wanted) => {
    expect(parse(words)).toMatchObject({ task: "run", options: wanted })
  })

  it.each([
    [["--pin", "--check"]],
    [["valkey"]],
    [["--fix"]],
    [["--registry"]],
    [["--registry", "mirror"]],
    [["--registry", "--pin"]],
    [["two\nlines"]],
  ])("are refused in one line that names the help: %j", (words) => {
    const given = parse(words)
    expect(given).toMatchObject({
      task: "refuse",
      message: expect.stringMatching(/^[^\n]+: see npm run images -- --help$/),
    })
  })
})

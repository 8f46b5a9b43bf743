import { describe, expect, it } from "vitest"
import { help, parseArguments } from "#compose/images/arguments.ts"

const known = ["redis", "postgres"]

describe("the arguments of npm run images", () => {
  it.each([
    [[], { task: "list", names: [] }],
    [["--check"], { task: "check", names: [] }],
    [["--pin", "redis"], { task: "pin", names: ["redis"] }],
    [["redis", "--unpin", "postgres"], { task: "unpin", names: ["redis", "postgres"] }],
    [["--pin", "--registry", "http://localhost:5000"], { registry: "http://localhost:5000" }],
    [["--pin", "--help"], { task: "help" }],
  ])("are understood: %j", (words, wanted) => {
    expect(parseArguments(words, known)).toMatchObject(wanted)
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
    const given = parseArguments(words, known)
    expect(given).toMatchObject({
      task: "refuse",
      message: expect.stringMatching(/^[^\n]+: see npm run images -- --help$/),
    })
  })

  it("are all in the help, which fits a terminal", () => {
    for (const flag of ["--check", "--pin", "--unpin", "--registry"]) expect(help).toContain(flag)
    expect(help.split("\n").filter((line) => line.length > 100)).toEqual([])
  })
})

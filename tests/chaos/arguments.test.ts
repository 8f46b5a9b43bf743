import { describe, expect, it } from "vitest"
import { help, parseArguments } from "./arguments.ts"

describe("parseArguments", () => {
  it.each([
    [[], 5, undefined],
    [["--minutes", "2"], 2, undefined],
    [["--minutes=0.5", "--seed=7f3a"], 0.5, "7f3a"],
    [["--seed", "a-b_1", "--minutes", "60"], 60, "a-b_1"],
  ])("reads %j", (words, minutes, seed) => {
    expect(parseArguments(words)).toEqual({ task: "run", minutes, seed })
  })

  it.each([
    [["--minutes"]],
    [["--minutes", "0"]],
    [["--minutes", "-1"]],
    [["--minutes", "many"]],
    [["--minutes", "1e3"]],
    [["--minutes", "481"]],
    [["--minutes="]],
    [["--seed"]],
    [["--seed", "two words"]],
    [["--seed", "x".repeat(41)]],
    [["5"]],
    [["--forever"]],
  ])("refuses %j with one line that says what to do", (words) => {
    const given = parseArguments(words)
    expect(given).toMatchObject({ task: "refuse" })
    expect(given.task === "refuse" && given.message).toMatch(/^[^\n]+: see .* --help$/)
  })

  it("shows its help when asked, whatever else is said", () => {
    for (const words of [["--help"], ["-h"], ["--minutes", "2", "--help"]]) {
      expect(parseArguments(words)).toEqual({ task: "help" })
    }
    for (const line of help.split("\n")) expect(line.length).toBeLessThanOrEqual(100)
  })
})

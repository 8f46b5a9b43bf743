import { describe, expect, it } from "vitest"
import { understand } from "#shared/command/understand.ts"
import { chaosSyntax } from "./arguments.ts"

describe("the arguments of chaos", () => {
  it.each([
    [[], 5, undefined],
    [["--minutes", "2"], 2, undefined],
    [["--minutes=0.5", "--seed=7f3a"], 0.5, "7f3a"],
    [["--seed", "a-b_1", "--minutes", "60"], 60, "a-b_1"],
  ])("reads %j", (words, minutes, seed) => {
    expect(understand(chaosSyntax, words)).toEqual({ task: "run", options: { minutes, seed } })
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
    const given = understand(chaosSyntax, words)
    expect(given).toMatchObject({ task: "refuse" })
    expect(given.task === "refuse" && given.message).toMatch(/^[^\n]+: see .* --help$/)
  })
})

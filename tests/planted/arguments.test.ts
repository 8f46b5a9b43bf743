/** What the command line understands, and what it answers to the rest. */
import { describe, expect, it } from "vitest"
import { parseArguments } from "./arguments.ts"

describe("the command line of the planted bugs", () => {
  it("plants all of them when nothing else is said", () => {
    expect(parseArguments([])).toEqual({ task: "run", only: undefined, markdown: false })
  })

  it("plants one by its name, be it caught or absorbed, and prints tables", () => {
    expect(parseArguments(["--only", "no-tombstone", "--markdown"]))
      .toEqual({ task: "run", only: "no-tombstone", markdown: true })
    expect(parseArguments(["--only=acknowledged-at-once"]))
      .toEqual({ task: "run", only: "acknowledged-at-once", markdown: false })
  })

  it("refuses what it does not know in one line with the remedy", () => {
    const remedy = ": see npm run test:planted -- --help"
    expect(parseArguments(["--only", "nothing"]))
      .toEqual({ task: "refuse", message: `There is no planted bug "nothing"${remedy}` })
    expect(parseArguments(["--only"]))
      .toEqual({ task: "refuse", message: `There is no planted bug ""${remedy}` })
    expect(parseArguments(["--seeds=5"]))
      .toEqual({ task: "refuse", message: `The planted bugs do not know "--seeds=5"${remedy}` })
  })

  it("shows help before anything else", () => {
    expect(parseArguments(["--only", "no-tombstone", "--help"])).toEqual({ task: "help" })
  })
})

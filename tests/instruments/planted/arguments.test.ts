/** The command line: what it reads, and how it refuses the rest. */
import { describe, expect, it } from "vitest"
import { understand } from "#shared/command/understand.ts"
import { plantedSyntax } from "./arguments.ts"

const parse = (words: ReadonlyArray<string>) => understand(plantedSyntax, words)

describe("the command line of the planted bugs", () => {
  it("plants all bugs by default", () => {
    expect(parse([])).toEqual({ task: "run", options: { only: undefined, markdown: false } })
  })

  it("plants one bug or absorbed change by its name, and prints tables", () => {
    expect(parse(["--only", "no-tombstone", "--markdown"]))
      .toEqual({ task: "run", options: { only: "no-tombstone", markdown: true } })
    expect(parse(["--only=acknowledged-at-once"]))
      .toEqual({ task: "run", options: { only: "acknowledged-at-once", markdown: false } })
  })

  it("refuses an unknown name or option in one line with the remedy", () => {
    const remedy = ": see npm run test:planted -- --help"
    expect(parse(["--only", "nothing"]))
      .toEqual({ task: "refuse", message: `There is no planted bug "nothing"${remedy}` })
    expect(parse(["--seeds=5"]))
      .toEqual({ task: "refuse", message: `Unknown option '--seeds'${remedy}` })
  })
})

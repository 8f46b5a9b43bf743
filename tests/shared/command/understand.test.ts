/**
 * What the commands of this project accept, and how they refuse everything else: alike in all of
 * them.
 */
import { describe, expect, it } from "vitest"
import { startSyntax } from "#compose/embedded/arguments.ts"
import { imagesSyntax } from "#compose/images/arguments.ts"
import { sbomSyntax } from "#compose/sbom/arguments.ts"
import { secretsSyntax } from "#compose/secrets/arguments.ts"
import { trailSyntax } from "#compose/trail/arguments.ts"
import { commands } from "#services/console/cli/commands.ts"
import { type Options, type Syntax, syntax } from "#shared/command/syntax.ts"
import { Misused, understand } from "#shared/command/understand.ts"
import { benchSyntax } from "#tests/instruments/bench/arguments.ts"
import { chaosSyntax } from "#tests/instruments/chaos/arguments.ts"
import { conformanceSyntax } from "#tests/instruments/conformance/arguments.ts"
import { plantedSyntax } from "#tests/instruments/planted/arguments.ts"
import { simulationSyntax } from "#tests/instruments/simulation/arguments.ts"

const ofOperators = await Promise.all(Object.values(commands).map(({ load }) => load()))

const all = [
  ...ofOperators.map(({ syntax }) => syntax),
  startSyntax,
  imagesSyntax(["redis"]),
  sbomSyntax,
  secretsSyntax,
  trailSyntax(0),
  benchSyntax,
  chaosSyntax,
  conformanceSyntax,
  plantedSyntax,
  simulationSyntax,
] as ReadonlyArray<Syntax<Options, unknown>>

describe.each(all.map((syntax) => [syntax.call, syntax] as const))("%s", (call, syntax) => {
  it("shows its help on request: every option, no wider than a terminal", () => {
    for (const words of [["--help"], ["-h"], ["--what", "--help"], ["word", "-h"]]) {
      const given = understand(syntax, words)
      if (given.task !== "help") throw new Error(given.task)
      const lines = given.text.split("\n")
      expect(lines[0]).toContain(`Usage: ${call}`)
      for (const name of [...Object.keys(syntax.options), "help"]) {
        expect(lines.filter((line) => line.startsWith(`  --${name} `))).toHaveLength(1)
      }
      expect(lines.filter((line) => line.length > 100)).toEqual([])
    }
  })

  it.each([[["--what"]], [["--two\nlines"]], [["--\u001b[31m"]], [["--what=a. b"]]])(
    "refuses %j in one line that names the help",
    (words) => {
      const given = understand(syntax, words)
      if (given.task !== "refuse") throw new Error(given.task)
      expect(given.message).toMatch(/^Unknown option '--[^\p{Cc}]*: see \P{Cc}* --help$/u)
      expect(given.message).toContain(`: see ${call} `)
    },
  )
})

describe("a command line", () => {
  const one = syntax({
    call: "npm run one",
    usage: "",
    about: "",
    options: { many: { type: "string", value: "N", says: "a number" } },
    closing: "",
    words: { least: 1, most: 1, what: "one word" },
    read: ({ many }, [word]) => {
      if (many === "none") throw new Misused("--many needs a number")
      if (many === "defect") throw new Error("a fault of ours")
      return { many, word }
    },
  })

  it("takes a word after -- as it is", () => {
    const options = { many: undefined, word: "--help" }
    expect(understand(one, ["--", "--help"])).toEqual({ task: "run", options })
  })

  it.each([
    [[], "It needs one word"],
    [["a", "b"], 'It takes one word, and not "b"'],
    [["a", "--many"], "Option '--many <value>' argument missing"],
    [["a", "--many", "-1"], "Option '--many' argument is ambiguous"],
    [["a", "--many", "none"], "--many needs a number"],
  ])("that is %j is refused: %s", (words, why) => {
    const message = `${why}: see npm run one -- --help`
    expect(understand(one, words)).toEqual({ task: "refuse", message })
  })

  it("does not report a defect of the program as a mistake of its user", () => {
    expect(() => understand(one, ["a", "--many", "defect"])).toThrow("a fault of ours")
  })
})

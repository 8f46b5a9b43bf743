/**
 * The command `npm run simulate`: what it prints at a violation, for a run that was not a test, for
 * wrong options, and after Ctrl-C.
 */
import { describe, expect, it } from "vitest"
import { understand } from "#shared/command/understand.ts"
import { simulationSyntax } from "./arguments.ts"
import { runCommand } from "./command.ts"
import { faultKinds, whyNoTest } from "./coverage.ts"
import { find } from "./find.ts"
import { simulate as simulateFlawed } from "./flawed.ts"
import type { Simulate } from "./judge.ts"
import { type Plan, simulatedFailpoints } from "./plan.ts"
import { replay } from "./replay.ts"
import { simulateSeeds } from "./runner.ts"
import type { Screen } from "./screen.ts"
import { planOf } from "./seeds.ts"
import { shrink } from "./shrink.ts"
import { simulate } from "./simulate.ts"
import { emptyTally } from "./tally.ts"

const flawed = new URL("./flawed.ts", import.meta.url)

/** A screen that keeps what was printed. */
const recorder = () => {
  const printed: Array<string> = []
  const screen: Screen = { print: (text) => void printed.push(text), progress() {}, soFar() {} }
  return { screen, text: () => printed.join("\n") }
}

const taskOf = (words: ReadonlyArray<string>) => {
  const given = understand(simulationSyntax, words)
  return given.task === "run" ? given.options : given
}

describe("a violation", () => {
  it("is found at the same seed with any number of threads", async () => {
    const range = { first: 1, seeds: 400, simulator: flawed }
    const { finding: alone } = await simulateSeeds({ ...range, workers: 1 })
    expect(alone?.violations[0]?.invariant).toBe("I0")
    const { finding: together } = await simulateSeeds({ ...range, workers: 3 })
    expect(together).toEqual(alone)
  })

  it("is shrunk to the smallest plan that shows it", async () => {
    const calm = await simulate({ ...planOf(1), pointFaults: [], timedFaults: [] })
    const breaks = ({ pointFaults, wishes }: Plan) =>
      pointFaults.some(({ fault, nth }) => fault === "answer lost" && nth >= 3) &&
      wishes.some(({ repeats }) => repeats.length > 0)
    const violations = [{ invariant: "I0", found: "an answer was lost" }]
    const ofPlan: Simulate = (plan) =>
      Promise.resolve({ ...calm, violations: breaks(plan) ? violations : [] })
    const seed = Array.from({ length: 100 }, (_, n) => n).find((n) => breaks(planOf(n)))!
    const shrunk = await shrink({ seed, violations }, { simulate: ofPlan, withinMs: 60_000 })
    const smallest = planOf(seed, shrunk!.path)
    expect(smallest.pointFaults.filter(({ nth }) => nth > 1)).toMatchObject([
      { fault: "answer lost", nth: 3 },
    ])
    expect(smallest.wishes.filter(({ repeats }) => repeats.length > 0)).toHaveLength(1)
    expect(smallest).toMatchObject({ seed: 0, timedFaults: [] })
  })

  it("is printed with its plan, and with the command that replays it", async () => {
    const { screen, text } = recorder()
    const search = { first: 1, seeds: 400, workers: 2, simulator: flawed, shrinkMs: 3_000 }
    expect(await find({ ...search, screen })).toBe(1)
    expect(text()).toMatch(
      /^VIOLATION of I0: clocks jumped [^]*^Orders$[^]*^Faults$[^]*: clock jump \(/m,
    )

    const [, words = ""] = /^Replay it: npm run simulate -- (.+)$/m.exec(text()) ?? []
    const given = taskOf(words.split(" "))
    if (given.task !== "replay") throw new Error(`The command printed ${words}`)
    expect(given.path).toMatch(/^0:/)
    const again = recorder()
    expect(await replay(given.seed, given.path, simulateFlawed, again.screen)).toBe(1)
    expect(again.text()).toMatch(/0\.000 s {2}orders-1 starts\n[^]*VIOLATION of I0: [^\n]+$/)
  })

  it("that a seed does not show again is reported as such, with the seed", async () => {
    const { screen, text } = recorder()
    const onceOnly = new URL("./flawed-once.ts", import.meta.url)
    const search = { first: 7, seeds: 1, workers: 1, simulator: onceOnly, shrinkMs: 20_000 }
    expect(await find({ ...search, screen })).toBe(1)
    expect(text()).toContain("npm run simulate -- --seed 7 --trace")
    expect(text()).toContain("A second time it did not")
  })
})

describe("a run without a violation is not a test", () => {
  const all = (names: ReadonlyArray<string>) => new Map(names.map((name) => [name, 1]))
  const complete = {
    ...emptyTally(),
    seeds: 1_000,
    faults: all(faultKinds),
    passed: all(simulatedFailpoints),
    crashed: all(simulatedFailpoints),
  }

  it("unless every fault happened, and a process crashed at every failpoint", () => {
    expect(whyNoTest(complete)).toEqual([])
  })

  it.each(faultKinds)("if this fault never happened: %s", (kind) => {
    const faults = all(faultKinds.filter((name) => name !== kind))
    expect(whyNoTest({ ...complete, faults })).toEqual([expect.stringContaining(kind)])
    expect(whyNoTest({ ...complete, faults, seeds: 999 })).toEqual([])
  })

  it("if no process passed a failpoint, or crashed there", () => {
    const rest = all(simulatedFailpoints.slice(1))
    const named = [expect.stringContaining(simulatedFailpoints[0]!)]
    expect(whyNoTest({ ...complete, passed: rest })).toEqual(named)
    expect(whyNoTest({ ...complete, crashed: rest })).toEqual(named)
  })
})

describe("the options", () => {
  it.each([
    [[], { task: "run", first: 1, seeds: 10_000, workers: expect.any(Number) }],
    [["--seeds", "5", "--seed=9", "--workers", "3"], {
      task: "run",
      first: 9,
      seeds: 5,
      workers: 3,
    }],
    [["--seed", "9", "--trace"], { task: "replay", seed: 9, path: "" }],
    [["--seed", "0", "--path", "0:1:2"], { task: "replay", seed: 0, path: "0:1:2" }],
    [["--exhaustive"], { task: "exhaustive", name: undefined }],
    [["--exhaustive", "--case", "race/item/2"], { task: "exhaustive", name: "race/item/2" }],
  ])("%j are understood", (words, given) => expect(taskOf(words)).toEqual(given))

  it.each([
    [["--seed"], "'--seed <value>' argument missing"],
    [["--seeds", "0"], "--seeds needs a whole number"],
    [["--seeds=1e3"], "--seeds needs a whole number"],
    [["--seed", "2147483648"], "--seed needs a whole number"],
    [["--seed", "2147483647", "--seeds", "2"], "The seeds go up to 2147483647"],
    [["--workers", "-1"], "'--workers' argument is ambiguous"],
    [["--workers=-1"], "--workers needs a whole number"],
    [["--path", "0:1"], "--path needs --seed as well"],
    [["--trace"], "--trace needs --seed as well"],
    [["--seed", "1", "--path", "one"], "--path needs a path"],
    [["--seed", "1", "--trace", "--seeds", "3"], "--trace does not go with --seeds"],
    [["--exhaustive", "--seed", "1"], "--exhaustive does not go with --seed"],
    [["--case", "race/item/2"], "--case needs --exhaustive as well"],
    [["--exhaustive", "--case", "-x y"], "'--case' argument is"],
    [["--trace=yes"], "'--trace' does not take an argument"],
    [["two\nlines"], "Unexpected argument 'two?lines'"],
    [["--constructor"], "Unknown option '--constructor'"],
  ])("%j are refused in one line", (words, why) => {
    const given = understand(simulationSyntax, words)
    if (given.task !== "refuse") throw new Error(`It was taken for ${given.task}`)
    expect(given.message).toContain(why)
    expect(given.message).toMatch(/^[^\n]+: see npm run simulate -- --help$/)
  })
})

describe("the process", () => {
  it("ends with 2 and one line when an option is wrong", async () => {
    const { code, stdout, stderr } = await runCommand(["--seeds", "many"]).ended
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
    expect(stderr).toMatch(/^--seeds needs [^\n]+\n$/)
  })

  it("ends with 2 and one line when a seed has no such plan", async () => {
    const { code, stderr } = await runCommand(["--seed", "1", "--path", "0:99999"]).ended
    expect(code).toBe(2)
    expect(stderr).toMatch(/^Seed 1 has no plan at the path 0:99999[^\n]+\n$/)
  })

  it("ends with 2 and one line when the exhaustive search has no such case", async () => {
    const { code, stderr } = await runCommand(["--exhaustive", "--case", "race/for/nothing"]).ended
    expect(code).toBe(2)
    expect(stderr).toMatch(/^The exhaustive search has no case "race\/for\/nothing"[^\n]+\n$/)
  })

  it("prints the history of a seed", async () => {
    const { code, stdout } = await runCommand(["--seed", "1", "--trace"]).ended
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Plan [^]*Orders\n {2}key[^]*Faults\n[^]*History\n +0\.000 s/)
    expect(stdout).toMatch(/-> completed[^]*trace hash [0-9a-f]{8}\nNo violation\n$/)
  })

  it("prints its results so far when it is interrupted", async () => {
    const { printed, interrupt, ended } = runCommand(["--seeds", "1000000"])
    await printed
    interrupt()
    const { code, stdout } = await ended
    expect(code).toBe(130)
    expect(stdout).toMatch(/Interrupted\.[^]*violations +0\n/)
  })

  it("ends without a message when its output is closed", async () => {
    const { printed, readNoMore, ended } = runCommand(["--seed", "1", "--trace"])
    await printed
    readNoMore()
    expect(await ended).toMatchObject({ stderr: "" })
  })
})

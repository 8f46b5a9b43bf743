/** The small scope: one order survives every fault, of a few orders one gets the last, and a violation can be replayed. */
import { availableParallelism } from "node:os"
import { describe, expect, it } from "vitest"
import { parseArguments } from "./arguments.ts"
import { replayCase, searchScope } from "./exhaustive.ts"
import type { Simulate } from "./judge.ts"
import {
  callFaults,
  commitFaults,
  failpointFaults,
  queueFaults,
  simulatedFailpoints,
} from "./plan.ts"
import { simulator } from "./runner.ts"
import type { Screen } from "./screen.ts"
import { refusals } from "./services.ts"
import { simulate } from "./simulate.ts"
import { type Case, caseOf, nameOf } from "./small-scope/case.ts"
import { simulate as simulateFlawed } from "./small-scope/flawed.ts"
import { planOf, settings } from "./small-scope/one-order.ts"
import { contested, explore, paces, type Race, runRace } from "./small-scope/race.ts"
import { type Scope, search } from "./small-scope/search.ts"
import { splitFaults } from "./small-scope/tasks.ts"

const workers = availableParallelism()
const nothing: Scope = { settings: [], every: 0, races: [] }

/** A screen that remembers what it was given. */
const recorder = () => {
  const printed: Array<string> = []
  const screen: Screen = { print: (text) => void printed.push(text), progress() {}, soFar() {} }
  return { screen, text: () => printed.join("\n") }
}

describe("one order", () => {
  it("ends as its participants have it, in all settings", async () => {
    for (const setting of settings) {
      const { violations, orders } = await simulate(planOf(setting, []))
      expect(violations).toEqual([])
      const [first] = setting.refusing
      expect(orders).toMatchObject([
        first === undefined
          ? { status: "completed", reason: null }
          : { status: "failed", reason: refusals[first] },
      ])
    }
    const ways = new Set(settings.map(({ refusing }) => refusing.join()))
    expect(ways.size).toBe(8)
  })

  it("meets every kind of fault, and one at every failpoint that it passes", async () => {
    const { tasks } = await splitFaults(simulate, settings, 0)
    const faults = tasks.flatMap((task) => task.kind === "fault" ? [task.fault] : [])
    const kinds = [...callFaults, ...queueFaults, ...commitFaults, ...failpointFaults]
    expect(new Set(faults.map(({ fault }) => fault))).toEqual(new Set(kinds))
    // Nothing is published a second time, unless there was a fault before.
    const passed = simulatedFailpoints.filter((name) => name !== "orders.swept")
    const points = new Set(faults.map(({ point }) => point))
    for (const name of passed) expect(points).toContain(`failpoint ${name}`)
  })

  it("survives every fault, and every hundredth pair of faults", async () => {
    const scope = { ...nothing, settings, every: 100 }
    const { figures, finding } = await search({ scope, workers, simulator })
    expect(finding).toBeUndefined()
    expect(figures.singles).toBeGreaterThan(2_500)
    expect(figures.pairs).toBeGreaterThan(1_500)
    expect(figures.simulations).toBeLessThan(0.7 * (figures.singles + figures.pairs))
  }, 120_000)
})

describe("two orders for the last of something", () => {
  const races = contested.flatMap((last) => paces.map((pace): Race => ({ orders: 2, last, pace })))

  it("have one winner in every course with up to two deviations", async () => {
    const scope = { ...nothing, races: races.map((race) => ({ race, most: 2 })) }
    const { figures, finding } = await search({ scope, workers, simulator })
    expect(finding).toBeUndefined()
    for (const courses of figures.courses) expect(courses).toBeGreaterThan(150)
  }, 120_000)

  it.each(races)(
    "take every other course that one deviation leads to: $last, $pace",
    async (race) => {
      const { choices } = await runRace(simulate, race, [])
      const scope = { ...nothing, races: [{ race, most: 1 }] }
      const { figures } = await search({ scope, workers: 1, simulator })
      const others = choices.reduce((sum, count) => sum + count - 1, 0)
      expect(figures.courses).toEqual([1 + others])
      expect(others).toBeGreaterThan(10)
    },
  )

  it.each(races)("can win, either of them: $last, $pace", async (race) => {
    const winners = new Set<number>()
    const telling: Simulate = async (plan, options) => {
      const simulation = await simulate(plan, options)
      winners.add(simulation.orders.findIndex(({ status }) => status === "completed"))
      return simulation
    }
    expect(await explore(telling, race, [], 1)).toMatchObject({ broken: undefined })
    expect(winners).toEqual(new Set([0, 1]))
  })
})

describe("a violation", () => {
  const flawed = new URL("./small-scope/flawed.ts", import.meta.url)

  /** Searches with a flaw; gives what is said of it, and what the replay of it says. */
  const findAndReplay = async (scope: Scope) => {
    const [found, replayed] = [recorder(), recorder()]
    expect(await searchScope(scope, flawed, found.screen)).toBe(1)
    const [, words = ""] = /^Replay it: npm run simulate -- (.+)$/m.exec(found.text()) ?? []
    const given = parseArguments(words.split(" "))
    if (given.task !== "exhaustive" || given.name === undefined) throw new Error(found.text())
    expect(await replayCase(given.name, simulateFlawed, replayed.screen)).toBe(1)
    return { name: given.name, found: found.text(), replayed: replayed.text() }
  }

  it("of two faults is told with a command that shows its history", async () => {
    const some = settings.filter(({ refusing }) => refusing.length === 0)
    const scope = { ...nothing, settings: some, every: 1 }
    const { name, found, replayed } = await findAndReplay(scope)
    expect(caseOf(name)).toMatchObject({ scope: "one-order", faults: [{}, {}] })
    expect(found).toMatch(/^VIOLATION of I0: a request was lost, and the queue was wiped$/m)
    expect(replayed).toMatch(/^Plan [^]*History\n[^]*FAULT [^]*FAULT [^]*VIOLATION of I0: [^\n]+$/)
  }, 120_000)

  it("of a race is told with a command that shows its history", async () => {
    const race: Race = { orders: 3, last: "item", pace: "oldest first" }
    const { name, found, replayed } = await findAndReplay({
      ...nothing,
      races: [{ race, most: 2 }],
    })
    const given = caseOf(name)
    if (given.scope !== "race") throw new Error(name)
    expect(given.race).toEqual(race)
    expect([1, 2]).toContain(given.deviations.length)
    expect(found).toMatch(/^VIOLATION of I0: the last order won$/m)
    expect(replayed).toMatch(/items-1: items lockResources\n[^]*VIOLATION of I0: [^\n]+$/)
  }, 120_000)
})

describe("the name of a case", () => {
  it("is a word, and leads back to the case", () => {
    const faults = [{ point: "failpoint orders.before insert", nth: 1, fault: "crash", forMs: 500 }]
    const setting = { refusing: ["billing", "slots"], deadlineMs: 4_000 } as const
    const race = { orders: 4, last: "coin", pace: "newest first" } as const
    const cases: ReadonlyArray<Case> = [
      { scope: "one-order", setting, faults },
      { scope: "one-order", setting: { ...setting, refusing: [] }, faults: [] },
      { scope: "race", race, deviations: [{ at: 3, chosen: 0 }, { at: 17, chosen: 2 }] },
      { scope: "race", race, deviations: [] },
    ]
    for (const given of cases) {
      expect(nameOf(given)).toMatch(/^[\w./:,+-]+$/)
      expect(caseOf(nameOf(given))).toEqual(given)
    }
  })

  it.each(["", "one-order", "one-order/cats/4000/", "race/item/5/oldest_first/", "race/item/2/x/"])(
    "that no case has is refused: %j",
    (name) => expect(() => caseOf(name)).toThrow(RangeError),
  )

  it("with a choice that a race does not come to is refused", async () => {
    for (const deviation of ["900:1", "0:7"]) {
      const name = `race/item/2/oldest_first/${deviation}`
      await expect(replayCase(name, simulate, recorder().screen)).rejects.toThrow(RangeError)
    }
  })
})

/**
 * The small scope: one order survives every fault, one of several orders gets the last unit, and a
 * violation can be replayed.
 */
import { availableParallelism } from "node:os"
import { describe, expect, it } from "vitest"
import { atLength, everyNth } from "#tests/support/length.ts"
import { understand } from "#shared/command/understand.ts"
import { simulationSyntax, type Task } from "./arguments.ts"
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
import type { Scope } from "./small-scope/agenda.ts"
import { paces } from "./small-scope/choices.ts"
import { Exploration } from "./small-scope/exploration.ts"
import { planOf, settings, tryFaults } from "./small-scope/one-order.ts"
import { firstFaults, type Pairs, tryFirst, withoutRepeated } from "./small-scope/pairs.ts"
import { contested, type Deviation, type Race, type Raced, runRace } from "./small-scope/race.ts"
import { search } from "./small-scope/search.ts"

type Asked = Extract<ReturnType<typeof understand<never, Task>>, { readonly task: "run" }>

const workers = availableParallelism()
const nothing: Scope = { settings: [], every: 0, races: [] }

/** A screen that keeps what was printed. */
const recorder = () => {
  const printed: Array<string> = []
  const screen: Screen = { print: (text) => void printed.push(text), progress() {}, soFar() {} }
  return { screen, text: () => printed.join("\n") }
}

describe("one order", () => {
  it("ends as its participants decide, in all settings", async () => {
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
    const firsts = firstFaults(await tryFaults(simulate, settings, []), 0)
    const faults = firsts.map(({ fault }) => fault)
    const kinds = [...callFaults, ...queueFaults, ...commitFaults, ...failpointFaults]
    expect(new Set(faults.map(({ fault }) => fault))).toEqual(new Set(kinds))
    // Nothing is published again before a fault.
    const passed = simulatedFailpoints.filter((name) => name !== "orders.swept")
    const points = new Set(faults.map(({ point }) => point))
    for (const name of passed) expect(points).toContain(`failpoint ${name}`)
  })

  it(`survives every fault${atLength("", ", and every hundredth pair of faults")}`, async () => {
    const some = atLength(
      settings.filter(({ refusing }) => refusing.join() === "items"),
      settings,
    )
    const scope = { ...nothing, settings: some, every: atLength(0, 100) }
    const { figures, finding } = await search({ scope, workers, simulator })
    expect(finding).toBeUndefined()
    expect(figures.singles).toBeGreaterThan(atLength(400, 2_500))
    expect(figures.pairs).toBeGreaterThanOrEqual(atLength(0, 1_500))
    expect(figures.simulations).toBeLessThan(atLength(1, 0.7) * (figures.singles + figures.pairs))
  })
})

describe("two orders for the last unit", () => {
  const every = contested.flatMap((last) => paces.map((pace): Race => ({ orders: 2, last, pace })))
  const races = everyNth(paces.length, every)

  it(`have one winner in every course with up to ${atLength("one deviation", "two")}`, async () => {
    const scope = { ...nothing, races: races.map((race) => ({ race, most: atLength(1, 2) })) }
    const { figures, finding } = await search({ scope, workers, simulator })
    expect(finding).toBeUndefined()
    for (const courses of figures.courses) expect(courses).toBeGreaterThan(atLength(4, 40))
  })

  /** All courses with at most `most` deviations. */
  const everyCourse = async (simulate: Simulate, race: Race, most: number) => {
    const usual = (count: number) => race.pace === "oldest first" ? 0 : count - 1
    const all: Array<Raced> = []
    const goOn = async (deviations: ReadonlyArray<Deviation>): Promise<void> => {
      const raced = await runRace(simulate, race, deviations)
      all.push(raced)
      if (deviations.length === most) return
      const from = (deviations.at(-1)?.at ?? -1) + 1
      for (const [n, count] of raced.counts.slice(from).entries()) {
        for (let chosen = 0; chosen < count; chosen++) {
          if (chosen !== usual(count)) await goOn([...deviations, { at: from + n, chosen }])
        }
      }
    }
    await goOn([])
    return all
  }

  /** The courses that the search takes. */
  const takenCourses = async (simulate: Simulate, race: Race, most: number) => {
    const exploration = new Exploration(race, most)
    const all: Array<Raced> = []
    for (let [course] = exploration.take(1); course !== undefined; [course] = exploration.take(1)) {
      const raced = await runRace(simulate, race, course.deviations, course)
      exploration.tried(course, raced.told)
      all.push(raced)
    }
    return all
  }

  it.each(races)(
    "reach every state and violation in the courses that the search takes: $last, $pace",
    async (race) => {
      const most = race.last === "coin" ? 2 : 1
      const every = await everyCourse(simulateFlawed, race, most)
      const taken = await takenCourses(simulateFlawed, race, most)
      const told = (courses: ReadonlyArray<Raced>) =>
        new Set(courses.map(({ end, violations }) => JSON.stringify([end, violations])))
      expect(told(taken)).toEqual(told(every))
      if (race.pace === "oldest first") expect(taken.length).toBeLessThan(every.length)
      const broken = every.filter(({ violations }) => violations.length > 0)
      expect(broken.length).toBeGreaterThan(0)
      expect(broken.length).toBeLessThan(every.length)
    },
  )
})

describe("an equivalent history", () => {
  const trialsOf = async (every: number) => {
    const unharmed = await tryFaults(simulateFlawed, settings, [])
    return firstFaults(unharmed, every)
  }

  it(
    "is the same in every setting that shares a simulation, with the same violations",
    async () => {
      let shared = 0
      for (const { settings, fault } of (await trialsOf(0)).filter((_, n) => n % 15 === 0)) {
        for (const { settings: alike, ...trial } of await tryFaults(simulate, settings, [fault])) {
          for (const setting of alike.slice(1)) {
            const [alone] = await tryFaults(simulate, [setting], [fault])
            expect(alone).toEqual({ ...trial, settings: [setting] })
            shared++
          }
        }
      }
      expect(shared).toBeGreaterThan(50)
    },
  )

  it("is the same after each fault that ended a process in the same way", async () => {
    const firsts = (await trialsOf(1)).filter(({ fault }) => fault.fault.includes("crash"))
    const all: Array<Pairs> = []
    for (const first of firsts.filter(({ settings }) => settings[0]!.refusing.length === 0)) {
      all.push(...(await tryFirst(simulate, first)).next)
    }
    const { kept, repeated } = withoutRepeated(all)
    expect(repeated).toBeGreaterThan(100)
    const left = all.filter((pairs) => !kept.includes(pairs))
    const historyOf = async ({ settings, first, seconds }: Pairs, fromEnd: number) => {
      const faults = [first, seconds.at(-fromEnd)!]
      const [trial] = await tryFaults(simulate, [settings[0]!], faults)
      return trial!.history
    }
    for (const pairs of left) {
      const same = kept.find(({ ended, settings }) =>
        ended === pairs.ended && JSON.stringify(settings) === JSON.stringify(pairs.settings)
      )!
      for (let fromEnd = 1; fromEnd <= pairs.seconds.length; fromEnd += 23) {
        expect(await historyOf(pairs, fromEnd)).toBe(await historyOf(same, fromEnd))
      }
    }
  })
})

describe("a violation", () => {
  const flawed = new URL("./small-scope/flawed.ts", import.meta.url)

  /** Searches with a flaw. Returns the output of the search and of the replay. */
  const findAndReplay = async (scope: Scope) => {
    const [found, replayed] = [recorder(), recorder()]
    expect(await searchScope(scope, flawed, found.screen)).toBe(1)
    const [, words = ""] = /^Replay it: npm run simulate -- (.+)$/m.exec(found.text()) ?? []
    const { options: given } = understand(simulationSyntax, words.split(" ")) as Asked
    if (given.task !== "exhaustive" || given.name === undefined) throw new Error(found.text())
    expect(await replayCase(given.name, simulateFlawed, replayed.screen)).toBe(1)
    return { name: given.name, found: found.text(), replayed: replayed.text() }
  }

  it("of two faults is printed with the command that replays it", async () => {
    const some = settings.filter(({ refusing }) => refusing.length === 0)
      .slice(0, atLength(1, settings.length))
    const scope = { ...nothing, settings: some, every: atLength(9, 1) }
    const { name, found, replayed } = await findAndReplay(scope)
    expect(caseOf(name)).toMatchObject({ scope: "one-order", faults: [{}, {}] })
    expect(found).toMatch(/^VIOLATION of I0: a request was lost, and the queue was wiped$/m)
    expect(replayed).toMatch(/^Plan [^]*History\n[^]*FAULT [^]*FAULT [^]*VIOLATION of I0: [^\n]+$/)
  })

  it("of a race is printed with the command that replays it", async () => {
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
  })
})

describe("the name of a case", () => {
  it("is one word, and names the case", () => {
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
    "is refused if there is no such case: %j",
    (name) => expect(() => caseOf(name)).toThrow(RangeError),
  )

  it("is refused with a choice that the race does not have", async () => {
    for (const deviation of ["900:1", "0:7"]) {
      const name = `race/item/2/oldest_first/${deviation}`
      await expect(replayCase(name, simulate, recorder().screen)).rejects.toThrow(RangeError)
    }
  })
})

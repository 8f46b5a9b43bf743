/**
 * The exhaustive search of the small scope: one order under every fault and every pair of faults,
 * and races of a few orders for the last unit, in every course with a limited number of deviations.
 */
import { availableParallelism } from "node:os"
import { judge, type Simulate } from "./judge.ts"
import { planText } from "./plan-text.ts"
import { violationText } from "./report.ts"
import { simulator } from "./runner.ts"
import { processScreen, type Screen } from "./screen.ts"
import { simulate } from "./simulate.ts"
import type { Figures, Scope } from "./small-scope/agenda.ts"
import { caseOf } from "./small-scope/case.ts"
import { paces } from "./small-scope/choices.ts"
import { planOf as planOfOneOrder, settings } from "./small-scope/one-order.ts"
import { contested, fields, planOf as planOfRace, runRace } from "./small-scope/race.ts"
import { search } from "./small-scope/search.ts"

/** The most deviations of a course, by the number of orders: as many as minutes allow. */
const most = { 2: 3, 3: 2, 4: 1 }

export const everything: Scope = {
  settings,
  every: 1,
  races: fields.flatMap((orders) =>
    contested.flatMap((last) =>
      paces.map((pace) => ({ race: { orders, last, pace }, most: most[orders] }))
    )
  ),
}

/**
 * Searches everything, or shows one case. Returns the exit code. Rejects with a RangeError if no
 * such case exists.
 */
export const exhaustive = (name?: string): Promise<number> => {
  const screen = processScreen()
  if (name !== undefined) return replayCase(name, simulate, screen)
  return searchScope(everything, simulator, screen)
}

/** Returns the exit code: 0, or 1 at a violation. */
export const searchScope = async (
  scope: Scope,
  simulator: URL,
  screen: Screen,
): Promise<number> => {
  const startedMs = Date.now()
  const tookMs = () => Date.now() - startedMs
  const workers = availableParallelism()
  const { figures, finding } = await search({
    scope,
    workers,
    simulator,
    onProgress: (figures) => {
      screen.soFar(() => summary(figures, scope, "so far"))
      screen.progress(() => progress(figures, tookMs()))
    },
  })
  screen.print(summary(figures, scope, finding === undefined ? "all" : "so far"))
  screen.print(`  ${seconds(tookMs())} with ${workers} threads`)
  if (finding === undefined) return 0
  const { name, violations } = finding
  screen.print(`\n${violationText(violations)}\nReplay it: ${replayCommand(name)}`)
  return 1
}

const number = (value: number) => value.toLocaleString("en-US")
const seconds = (ms: number) => `${Math.round(ms / 1000)} s`
const sum = (values: ReadonlyArray<number>) => values.reduce((one, other) => one + other, 0)

const progress = ({ singles, pairs, courses, simulations, left }: Figures, tookMs: number) =>
  `${number(singles)} faults, ${number(pairs)} pairs, ${number(sum(courses))} courses of races ` +
  `in ${seconds(tookMs)}` +
  (left === undefined ? "" : `; about ${seconds(tookMs * left / simulations)} left`)

const summary = (
  { singles, pairs, courses, simulations }: Figures,
  { settings, races }: Scope,
  done: "all" | "so far",
) =>
  [
    `One order, in ${settings.length} settings (who refuses it, and its deadline), ${done}:`,
    `  ${number(singles)} faults, each at every point`,
    `  ${number(pairs)} pairs of faults`,
    `Races for the last of something, ${done}:`,
    ...races.map(({ race: { orders, last, pace }, most }, n) =>
      `  ${orders} orders, one ${last}, ${pace}: ${number(courses[n]!)} courses ` +
      `with up to ${most} ${most === 1 ? "deviation" : "deviations"}`
    ),
    `${number(simulations)} simulations: equivalent histories are simulated only once`,
  ].join("\n")

/** The command that replays one case. */
const replayCommand = (name: string) => `npm run simulate -- --exhaustive --case ${name}`

/**
 * Returns the exit code: 0, or 1 at a violation. Rejects with a RangeError if no such case exists.
 */
export const replayCase = async (
  name: string,
  simulate: Simulate,
  { print }: Screen,
): Promise<number> => {
  const given = caseOf(name)
  const plan = given.scope === "race"
    ? planOfRace(given.race)
    : planOfOneOrder(given.setting, given.faults)
  print(planText(plan))
  print("History")
  const { violations } = given.scope === "race"
    ? await runRace(simulate, given.race, given.deviations, { trace: print })
    : await judge(simulate, plan, print)
  print(violations.length === 0 ? "No violation" : violationText(violations))
  return violations.length === 0 ? 0 : 1
}

/** What the command prints besides plans: progress, the summary, and violations. */
import { failpoints } from "#shared/failpoint.ts"
import { faultKinds } from "./coverage.ts"
import { simulatedFailpoints } from "./plan.ts"
import type { Tally } from "./tally.ts"
import type { Violation } from "./world.ts"

const number = (value: number) => Math.round(value).toLocaleString("en-US")
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
const perSecond = (seeds: number, ms: number) => seeds / Math.max(0.001, ms / 1000)

/** A line with a bar and the speed. */
export const progressLine = ({ seeds }: Tally, of: number, tookMs: number): string => {
  const width = 24
  const filled = Math.floor(width * seeds / of)
  const speed = perSecond(seeds, tookMs)
  return `[${"#".repeat(filled)}${".".repeat(width - filled)}] ${number(seeds)} of ${number(of)} ` +
    `seeds, ${number(speed)} schedules per second, ${seconds(1000 * (of - seeds) / speed)} left`
}

const rows = (pairs: ReadonlyArray<readonly [string, string]>): ReadonlyArray<string> => {
  const width = Math.max(...pairs.map(([name]) => name.length))
  const last = Math.max(...pairs.map(([, value]) => value.length))
  return pairs.map(([name, value]) => `  ${name.padEnd(width)}  ${value.padStart(last)}`)
}

/** All figures of a run. */
export const summary = (tally: Tally, tookMs: number, violations: number): string => {
  const times = (of: ReadonlyMap<string, number>, name: string) => number(of.get(name) ?? 0)
  const elsewhere = failpoints.filter((name) => !simulatedFailpoints.includes(name))
  return [
    "Faults, and how often they hit with orders in flight",
    ...rows(faultKinds.map((kind) => [kind, times(tally.faults, kind)])),
    "Failpoints, how often they were passed, and how often a process crashed there",
    ...rows(simulatedFailpoints.map((name) => [
      name,
      `${times(tally.passed, name)}  ${times(tally.crashed, name).padStart(7)}`,
    ])),
    `  not simulated, but part of npm run chaos: ${elsewhere.join(", ")}`,
    "Simulated",
    ...rows([
      ["seeds", number(tally.seeds)],
      ["orders", number(tally.orders)],
      ["events", number(tally.events)],
      ["violations", number(violations)],
    ]),
    `  ${number(perSecond(tally.seeds, tookMs))} schedules per second for ${seconds(tookMs)}`,
    `  fingerprint ${tally.fingerprint.toString(16).padStart(8, "0")}`,
  ].join("\n")
}

const told = 10

/** The violations, a line each, but not more than anybody reads. */
export const violationText = (violations: ReadonlyArray<Violation>): string =>
  [
    ...violations.slice(0, told).map(({ invariant, found }) =>
      `VIOLATION of ${invariant}: ${found}`
    ),
    ...(violations.length > told ? [`and ${violations.length - told} more`] : []),
  ].join("\n")

/** The command that shows one plan and its whole history. */
export const replayCommand = (seed: number, path: string): string =>
  `npm run simulate -- --seed ${seed} --path ${path}`

/** The command that shows the whole plan of a seed and its history. */
export const traceCommand = (seed: number): string => `npm run simulate -- --seed ${seed} --trace`

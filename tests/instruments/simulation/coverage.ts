/** All kinds of faults. Simulations that have not met each of them prove nothing. */
import {
  callFaults,
  commitFaults,
  failpointFaults,
  queueFaults,
  simulatedFailpoints,
  timedFaults,
} from "./plan.ts"
import type { Tally } from "./tally.ts"

/** All kinds of faults, by the names under which the world counts them. */
export const faultKinds: ReadonlyArray<string> = [
  ...callFaults.map((fault) => `call: ${fault}`),
  ...queueFaults.map((fault) => `queue: ${fault}`),
  ...commitFaults.map((fault) => `commit: ${fault}`),
  ...failpointFaults.map((fault) => `failpoint: ${fault}`),
  ...timedFaults.map((fault) => `process: ${fault}`),
  "order: poison",
  "order: of an earlier version",
  "adjustment: made",
  "adjustment: refused",
  ...["customer", "operator"].flatMap((by) => [
    `order: cancelled in time by ${by}`,
    `order: cancelled too late by ${by}`,
  ]),
]

/** From this many seeds on, every fault must have happened. */
export const fullCoverageSeeds = 1_000

/** Why simulations without a violation prove nothing, a line each; empty if they do. */
export const whyNoTest = ({ seeds, faults, passed, crashed }: Tally): ReadonlyArray<string> => {
  if (seeds < fullCoverageSeeds) return []
  const never = (names: ReadonlyArray<string>, times: ReadonlyMap<string, number>) =>
    names.filter((name) => (times.get(name) ?? 0) === 0)
  return [
    ...never(faultKinds, faults).map((kind) => `"${kind}" never hit with orders in flight`),
    ...never(simulatedFailpoints, passed).map((name) => `nobody passed the failpoint "${name}"`),
    ...never(simulatedFailpoints, crashed).map((name) => `nobody crashed at "${name}"`),
  ]
}

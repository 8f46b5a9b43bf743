/** A plan in words: the stock, the orders and the faults. */
import { type Plan, type PointFault, replicas, type TimedFault } from "./plan.ts"
import { cancellerOf, poisonFor, type Wish } from "./wish.ts"
import type { Restock } from "./restocks.ts"
import { participants, stepAt } from "./services.ts"

/** Faults at points that did not happen, by `cameToPass`, are only counted. */
export const planText = (
  plan: Plan,
  cameToPass: (fault: PointFault) => boolean = () => true,
): string => {
  const { wishes, restocks = [], pointFaults, timedFaults, orchestratorsAtMs = 0 } = plan
  const { orchestrator } = plan.replicas ?? replicas
  const happened = pointFaults.filter(cameToPass)
  const rest = pointFaults.length - happened.length
  const faults = [...happened.map(pointFaultText), ...timedFaults.map(timedFaultText)]
  return [
    `Plan (the world's own seed is ${plan.seed})`,
    `  each wallet ${money(plan.wallet)}, ${plan.stock} of each item, ${plan.capacity} in each ` +
    `slot; orders time out after ${seconds(plan.deadlineMs)}`,
    `  orchestrators: ${orchestrator}, from ${seconds(orchestratorsAtMs)} on`,
    "Orders",
    ...grouped(wishes.map(wishText)),
    ...(restocks.length > 0 ? ["Adjustments", ...restocks.map(restockText)] : []),
    "Faults",
    ...(faults.length > 0 ? faults.map((fault) => `  ${fault}`) : ["  none"]),
    ...(rest > 0 ? [`  and ${rest} that never happened`] : []),
  ].join("\n")
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(3)} s`
const money = (minor: number) => (minor / 100).toFixed(2)

const wishText = (wish: Wish): string => {
  const { username, amountMinor, item, slot, atMs, repeats, cancelAfterMs, steps } = wish
  const wanted: ReadonlyArray<string | undefined> = [username, `${item}`, slot]
  const refusing = participants.filter((name) =>
    wanted.includes(poisonFor(name)) && steps?.includes(stepAt[name]) !== false
  )
  return [
    `at ${seconds(atMs)}: ${username}, ${money(amountMinor)}, item ${item}, slot ${slot}`,
    ...repeats.map((ms) => `posted again ${seconds(ms)} later`),
    ...(cancelAfterMs === undefined ? [] : [
      `cancelled by the ${cancellerOf(wish)} ${seconds(cancelAfterMs)} after its acknowledgement`,
    ]),
    ...(steps === undefined ? [] : [`accepted with the steps ${steps.join(" and ")}`]),
    ...refusing.map((name) => `which is malformed to ${name}`),
  ].join(", ")
}

/** Consecutive equal orders share a line: a shrunk plan has many. */
const grouped = (texts: ReadonlyArray<string>): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (let first = 0, next = 0; first < texts.length; first = next) {
    while (next < texts.length && texts[next] === texts[first]) next++
    const keys = next - first > 1 ? `keys ${first} to ${next - 1}, each` : `key ${first}`
    lines.push(`  ${keys} ${texts[first]}`)
  }
  return lines
}

const restockText = (
  { participant, resource, change, atMs, repeats }: Restock,
  n: number,
): string =>
  [
    `  key ${n} at ${seconds(atMs)}: ${change} to the resource ${resource} of ${participant}`,
    ...repeats.map((ms) => `sent again ${seconds(ms)} later`),
  ].join(", ")

const pointFaultText = ({ point, nth, fault, forMs }: PointFault): string =>
  `${point} #${nth}: ${fault} (${seconds(forMs)})`

const timedFaultText = ({ fault, process, atMs, forMs }: TimedFault): string =>
  `at ${seconds(atMs)}: ${process}: ${fault} (${seconds(forMs)})`

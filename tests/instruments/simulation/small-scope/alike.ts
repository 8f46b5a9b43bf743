/**
 * Settings in which the very same happens, so that one simulation shows what comes of all of them.
 * A history is made by its plan alone, step by step; so two plans have one history for as long as
 * nobody has looked at what they differ in. Settings differ in what participants have, which is
 * looked at in requests to them, and in the deadline, which orchestrators look at before each
 * request (or crash on the way to it) and nobody else does: whoever finds that it has not passed
 * comes to a failpoint next. So a history of one setting is that of another one when no participant
 * that differs was ever called, and when the orchestrators did nothing more for orders by the time
 * of the earlier deadline.
 */
import { failpoints } from "#shared/failpoint.ts"
import { calls } from "../plan.ts"
import { type ParticipantName, participants } from "../services.ts"
import type { World } from "../world.ts"

/** What is the same for the order whatever the faults. */
export interface Setting {
  /** Who has none of what the order wants. */
  readonly refusing: ReadonlyArray<ParticipantName>
  readonly deadlineMs: number
}

/** Whether the history of one setting, which is over, is that of the other one, too. */
export const areAlike = (world: World, one: Setting, other: Setting): boolean => {
  const differing = participants.filter((name) =>
    one.refusing.includes(name) !== other.refusing.includes(name)
  )
  if (differing.some((name) => world.lastMs(`call ${name}`) !== undefined)) return false
  // Deadlines count from when the order is accepted, which is no earlier than the start.
  return one.deadlineMs === other.deadlineMs ||
    lastWorkMs(world) < Math.min(one.deadlineMs, other.deadlineMs)
}

/** Where orchestrators come by when they do something for an order. */
const work = [
  ...calls.map((name) => `call ${name}`),
  ...failpoints.filter((name) => name.startsWith("orchestrator.")).map((at) => `failpoint ${at}`),
]

const lastWorkMs = (world: World) => Math.max(...work.map((point) => world.lastMs(point) ?? -1))

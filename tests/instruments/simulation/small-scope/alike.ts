/**
 * Settings with the same history, of which one simulation is enough. A history depends on its plan
 * alone, so two plans have the same history as long as nothing reads what they differ in. Settings
 * differ in the stock of participants, which only requests to them read, and in the deadline. Only
 * orchestrators read the deadline, before each request; if it has not passed, they reach a
 * failpoint next. So two settings have the same history if no participant that differs was called,
 * and if the orchestrators had nothing left to do for orders before the earlier deadline.
 */
import { failpoints } from "#shared/failpoint.ts"
import { calls } from "../plan.ts"
import { type ParticipantName, participants } from "../services.ts"
import type { World } from "../world.ts"

/** What a case is about besides its faults. */
export interface Setting {
  /** The participants that have nothing of what the order wants. */
  readonly refusing: ReadonlyArray<ParticipantName>
  readonly deadlineMs: number
}

/** Whether a finished history of one setting is also that of the other setting. */
export const areAlike = (world: World, one: Setting, other: Setting): boolean => {
  const differing = participants.filter((name) =>
    one.refusing.includes(name) !== other.refusing.includes(name)
  )
  if (differing.some((name) => world.lastMs(`call ${name}`) !== undefined)) return false
  // Deadlines count from when the order is accepted, which is no earlier than the start.
  return one.deadlineMs === other.deadlineMs ||
    lastWorkMs(world) < Math.min(one.deadlineMs, other.deadlineMs)
}

/** The places that orchestrators pass when they work on an order. */
const work = [
  ...calls.map((name) => `call ${name}`),
  ...failpoints.filter((name) => name.startsWith("orchestrator.")).map((at) => `failpoint ${at}`),
]

const lastWorkMs = (world: World) => Math.max(...work.map((point) => world.lastMs(point) ?? -1))

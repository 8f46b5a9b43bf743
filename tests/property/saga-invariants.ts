/**
 * What must hold in every history of a world of sagas, by the number that the design gives it. Each
 * check writes what it finds into the world's `violations`, so that one history can show all that
 * is wrong with it.
 */
import { isDeepStrictEqual } from "node:util"
import { Exit, type Fiber } from "effect"
import { type FailureReason, type StepName, timedOut } from "#shared/contracts/order-state.ts"
import { orderSaga } from "#shared/contracts/order-saga.ts"
import type { Outcome } from "#shared/contracts/reservation.ts"
import type { Reservation } from "#shared/reservations/rules.ts"
import { idOf } from "./saga-plans.ts"
import type { Participant, Run, SentCommand, Status, WaveRun, World } from "./saga-world.ts"

const check = (world: World, holds: boolean, broken: string) => {
  if (holds) return
  world.history.push(`VIOLATION of ${broken}`)
  world.violations.push(broken)
}

const stepsOf = ({ plan }: World, order: number) => plan.orders[order]!.steps

/** What is on record of the order, at each step that it has. */
const outcomesOf = (world: World, order: number) =>
  stepsOf(world, order).map((name) => world.participants[name].records.get(idOf(order))?.outcome)

/** No other request of the same run is out for the order, and none is sent after its end. */
export const onSent = (world: World, run: Run) => {
  check(world, !run.isOut, `I8: ${run.wave} sends two requests at once for ${idOf(run.order)}`)
  check(
    world,
    run.end === undefined,
    `I7: ${run.wave} sends a request for ${idOf(run.order)} after its end`,
  )
  run.isOut = true
}

/**
 * I8, I9: no cancel is sent before the register knows that the saga is undone; and the steps come
 * one after another.
 */
export const onCommandSent = (world: World, run: Run, command: SentCommand) => {
  const { action, step } = command
  const status = world.statuses.get(idOf(run.order))!
  const sends = `${run.wave} sends a ${action} of ${step} of ${idOf(run.order)}`
  check(
    world,
    action === "reserve" || status === "compensating" || status === "failed",
    `I9: ${sends}, which is ${status}`,
  )
  const { last } = run
  check(
    world,
    follows(stepsOf(world, run.order), command, last),
    `I8: ${sends} after the ${last?.action} of ${last?.step} was answered ${last?.outcome}`,
  )
  run.last = command
}

/**
 * Whether a command may come after another: once more without an answer, else for the next step; or
 * it is the first cancel.
 */
const follows = (
  steps: ReadonlyArray<StepName>,
  { action, step }: SentCommand,
  last: SentCommand | undefined,
): boolean => {
  const at = steps.indexOf(step)
  if (last === undefined) return at === (action === "reserve" ? 0 : steps.length - 1)
  if (action !== last.action) return action === "cancel" && at >= 0
  if (last.outcome === undefined) return step === last.step
  if (action === "cancel") {
    return last.outcome === "cancelled" && at === steps.indexOf(last.step) - 1
  }
  return last.outcome === "reserved" && at === steps.indexOf(last.step) + 1
}

/**
 * I3, I4, I8: a record is written once and given back once; and no later step is held when an
 * earlier one is undone.
 */
export const onRecorded = (
  world: World,
  run: Run,
  name: StepName,
  before: Reservation["outcome"] | undefined,
  after: Reservation["outcome"],
) => {
  const legal = before === undefined || (before === "reserved" && after === "cancelled")
  check(world, legal, `I3/I4: ${name} of ${idOf(run.order)} went from ${before} to ${after}`)
  if (after !== "cancelled") return
  const steps = stepsOf(world, run.order)
  const later = outcomesOf(world, run.order).slice(steps.indexOf(name) + 1)
  // No run passes a rejected step, so what is behind one was never reserved.
  const rejected = later.indexOf("rejected")
  const within = rejected === -1 ? later : later.slice(0, rejected)
  check(
    world,
    within.every((outcome) => outcome === "cancelled"),
    `I8: ${name} of ${idOf(run.order)} was cancelled while later steps were ${within}`,
  )
  const previous = run.undone.at(-1)
  check(
    world,
    previous === undefined || steps.indexOf(name) < steps.indexOf(previous),
    `I8: ${run.wave} undid ${name} of ${idOf(run.order)} after ${previous}`,
  )
  run.undone.push(name)
}

/** I2: what is left and what is held make up the stock, and nothing is negative. */
export const conserved = (world: World, name: StepName) => {
  const { plan, participants } = world
  const { records, balances } = participants[name]
  for (const [resource, stock] of Object.entries(plan.stock[name])) {
    const held = [...records.values()]
      .filter((record) => record.outcome === "reserved" && record.resource === resource)
      .reduce((sum, record) => sum + record.quantity, 0)
    const left = balances.get(resource)!
    check(
      world,
      left >= 0 && left + held === stock,
      `I2: ${left} of ${resource} left and ${held} held, of ${stock}`,
    )
  }
}

/** I6: a reserve is answered as it was before, unless it was cancelled in between. */
export const onAnswer = (
  world: World,
  run: Run,
  name: StepName,
  answer: Outcome["outcome"],
) => {
  const key = `${name} of ${idOf(run.order)}`
  const before = world.answers.get(key)
  world.answers.set(key, answer)
  const same = before === undefined || before === answer
  check(
    world,
    same || (before === "reserved" && answer === "cancelled"),
    `I6: the reserve of ${key} was answered ${before}, then ${answer}`,
  )
}

/**
 * I1, I9: a saga completes with all, fails with nothing, and is aborted for a rejection or its
 * deadline alone.
 */
export const onDecided = (
  world: World,
  run: Run,
  status: Status,
  reason: FailureReason | undefined,
  nowMs: number,
) => {
  const outcomes = outcomesOf(world, run.order)
  if (status === "completed" || status === "failed") {
    check(world, isWhole(status, outcomes), `I1: ${idOf(run.order)} ${status} with ${outcomes}`)
    return
  }
  const rejected = outcomes.indexOf("rejected")
  const step = stepsOf(world, run.order)[rejected]
  const rightly = reason === timedOut
    ? nowMs >= world.plan.orders[run.order]!.deadlineMs
    : step !== undefined && reason === orderSaga.find((row) => row.step === step)!.refusal
  check(world, rightly, `I9: ${idOf(run.order)} aborted with "${reason}" though ${outcomes}`)
}

const isWhole = (status: Status, outcomes: ReadonlyArray<Reservation["outcome"] | undefined>) =>
  status === "completed"
    ? outcomes.every((outcome) => outcome === "reserved")
    : !outcomes.includes("reserved")

/**
 * I7, I11: an order ends once, with what the register says; and is buried only when its plan had
 * that in store for it.
 */
export const onEnd = (world: World, run: Run, end: NonNullable<Run["end"]>) => {
  const status = world.statuses.get(idOf(run.order))!
  const rightly = end === "buried" ? run.metDefect : end === status
  check(
    world,
    rightly && run.end === undefined,
    `I7: ${run.wave} ended ${idOf(run.order)} with ${end} after ${run.end}; it is ${status}`,
  )
  run.end = end
}

/**
 * I5, I10: every order of a wave comes to its end, unless its process is stopped, and the wave
 * makes room for the next.
 */
export const onWaveEnd = (world: World, wave: WaveRun) => {
  if (wave.stopped) return
  const left = [...wave.runs.values()].filter(({ end }) => end === undefined)
  check(world, left.length === 0, `I5: ${wave.name} forgot ${left.map(({ order }) => idOf(order))}`)
  const isBroken = [...wave.runs.values()].some(({ metDefect }) => metDefect)
  check(world, wave.madeRoom || isBroken, `I10: ${wave.name} keeps its place`)
}

/** I5: no wave goes on for ever. */
export const everyWaveEnded = (world: World, waves: ReadonlyArray<Fiber.Fiber<void>>) => {
  for (const wave of waves) {
    const exit = wave.pollUnsafe()
    check(
      world,
      exit !== undefined && Exit.isSuccess(exit),
      `I5: a wave has not ended, but ${exit}`,
    )
  }
}

/** I1, I5: at rest every saga is final, and holds all or nothing. */
export const atRest = (world: World) => {
  world.plan.orders.forEach((_, order) => {
    const status = world.statuses.get(idOf(order))!
    const cancelled = world.cancelled.get(idOf(order))
    check(
      world,
      cancelled !== "in time" || status === "failed",
      `I11: ${idOf(order)} is ${status}, and its customer was told that it is cancelled`,
    )
    const outcomes = outcomesOf(world, order)
    check(world, status === "completed" || status === "failed", `I5: ${idOf(order)} is ${status}`)
    check(world, isWhole(status, outcomes), `I1: ${idOf(order)} is ${status} with ${outcomes}`)
  })
}

/** Everything that is recorded, in plain values. */
export const stateOf = ({ participants, statuses }: World) => {
  const of = ({ records, balances }: Participant) => ({
    ...Object.fromEntries(balances),
    ...Object.fromEntries([...records].map(([order, { outcome }]) => [order, outcome])),
  })
  const { money, item, slot } = participants
  return {
    statuses: Object.fromEntries(statuses),
    money: of(money),
    item: of(item),
    slot: of(slot),
  }
}

/** I7: final is final, however often a saga is delivered again. */
export const unchanged = (world: World, before: ReturnType<typeof stateOf>) =>
  check(world, isDeepStrictEqual(stateOf(world), before), "I7: what was final has changed")

/**
 * Compensations are finalizers on a wave's scope, registered before the step's request is sent,
 * since one whose answer never came may have happened. The scope is closed when the register says
 * that what is left of the wave is to be undone: the last step's run first, each for the orders
 * that are armed at its step, and is tried again for ever. The finalizers before one that failed
 * would run nevertheless, so a compensation keeps its failures to itself.
 */
import { Cause, Effect, Exit, Scope } from "effect"
import type { StuckCompensation } from "#shared/contracts/order.ts"
import type { OrderStep } from "#shared/contracts/order-saga.ts"
import type { Command } from "#shared/contracts/reservation.ts"
import { answered, bury, hasStep, orderIdOf, type OrderRun, takeTimeline } from "./order-run.ts"
import { forEver } from "./retry.ts"
import type { Sagas } from "./saga.ts"
import { untilAnswered } from "./until-answered.ts"
import { letGo, type Wave } from "./wave.ts"

/** From this attempt on a compensation is told of as stuck; earlier ones are hiccups. */
const stuckAfterAttempts = 3

/** The command of an order at a row of the table. */
export const commandOf = (
  run: OrderRun,
  { takes }: OrderStep,
  action: Command["action"],
): Command => {
  const [resource, quantity] = takes(run.delivery.message)
  return { orderId: orderIdOf(run), action, resource, quantity }
}

/** Registers the compensations of the rows before `end` that have none yet. */
export const register = (sagas: Sagas, wave: Wave, end: number): Effect.Effect<void> =>
  Effect.whileLoop({
    while: () => wave.registered < end,
    body: () => {
      const at = wave.registered++
      return Scope.addFinalizer(wave.scope, compensate(sagas, wave, at))
    },
    step: () => {},
  })

/** Undoes what the wave carries, and has the register settle it. */
export const undo = (sagas: Sagas, wave: Wave): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* letGo(sagas, wave)
    yield* register(sagas, wave, Math.max(0, ...wave.runs.map(({ armed }) => armed)))
    yield* Scope.close(wave.scope, Exit.void)
    // Not everything is undone: the orders stay as they are, for the next run.
    if (wave.cutShort !== undefined) return yield* Effect.failCause(wave.cutShort)
    yield* letGo(sagas, wave)
    yield* settle(sagas, wave)
    yield* letGo(sagas, wave)
  })

const compensate = (sagas: Sagas, wave: Wave, at: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    // A cancel is sent only when all later steps are known to be cancelled: their order is what
    // makes a `cancelled` answer at one step prove that there is nothing left behind it.
    if (wave.cutShort !== undefined) return Effect.void
    const row = sagas.rows[at]!
    const armed = wave.runs.filter((run) =>
      run.armed > at && run.end === undefined && hasStep(run, row)
    )
    // A scope lets nothing interrupt its finalizers, but a stop need not wait: what is out is seen
    // through by whoever sent it.
    return armed.length === 0 ? Effect.void : Effect.interruptible(cancel(sagas, wave, armed, at))
  }).pipe(
    Effect.catchCause((cause) => {
      wave.cutShort = cause
      return Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : Effect.logError("A compensation met a defect", cause)
    }),
  )

const cancel = (sagas: Sagas, wave: Wave, armed: ReadonlyArray<OrderRun>, at: number) => {
  const row = sagas.rows[at]!
  const unstuck: Array<OrderRun> = []
  const tell = Effect.suspend(() => sagas.stuck(unstuck.splice(0), false))
  return untilAnswered(sagas, wave, armed, {
    request: { action: "cancel", step: row.step },
    send: (runs) => sagas.send(row.at, runs.map((run) => commandOf(run, row, "cancel"))),
    answer: (run, { outcome }, now) => {
      if (outcome !== "cancelled") return bury(run, `${row.at} answered a cancel with ${outcome}`)
      answered(run, row, "cancel", "cancelled", now)
      run.armed = at
      if (run.stuck !== undefined) unstuck.push(run)
      run.stuck = undefined
    },
    others: (part) => Effect.andThen(tell, undo(sagas, part)),
    again: forEver,
    failed: (runs, nextAtMs) => reportStuck(sagas, runs, row.step, nextAtMs),
  }).pipe(Effect.andThen(tell))
}

const reportStuck = (
  sagas: Sagas,
  runs: ReadonlyArray<OrderRun>,
  step: StuckCompensation["step"],
  nextAtMs: number,
) => {
  const stuck = runs.filter(({ attempts }) => attempts >= stuckAfterAttempts)
  if (stuck.length === 0) return Effect.void
  const nextAttemptAt = new Date(nextAtMs).toISOString()
  for (const run of stuck) {
    run.stuck = { step, cause: run.failure, attempts: run.attempts, nextAttemptAt }
  }
  return sagas.stuck(stuck, true).pipe(
    // For people to see; when it cannot be told either, the log has it.
    Effect.andThen(sagas.decide(stuck.map((run) => ({
      orderId: orderIdOf(run),
      decision: "abort",
      timeline: [],
      stuck: run.stuck!,
    })))),
  )
}

const settle = (sagas: Sagas, wave: Wave) =>
  untilAnswered(sagas, wave, wave.runs, {
    request: { action: "settle", step: null },
    send: (runs) =>
      sagas.decide(runs.map((run) => ({
        orderId: orderIdOf(run),
        decision: "settle",
        timeline: run.timeline,
      }))),
    answer: (run, { status }) => {
      takeTimeline(run)
      if (status === "failed" || status === "unknown") run.end = status
      else bury(run, `The register answered a settlement with \`${status}\``)
    },
    others: (part) => letGo(sagas, part),
    again: forEver,
  })

/**
 * Compensations are finalizers on a wave's scope, registered before the step's request is sent,
 * because a request without an answer may have taken effect. The scope is closed when the register
 * says that the rest of the wave is to be undone. The finalizers run last step first, each for the
 * orders that are armed at its step, and retry for ever. A finalizer that fails would not stop the
 * remaining ones, so a compensation keeps its failure in `cutShort`.
 */
import { Cause, Effect, Exit, Scope } from "effect"
import type { StuckCompensation } from "#shared/contracts/order-state.ts"
import type { OrderStep } from "#shared/contracts/order-saga.ts"
import type { Command } from "#shared/contracts/reservation.ts"
import { answered, bury, hasStep, orderIdOf, type OrderRun, takeTimeline } from "./order-run.ts"
import { forEver } from "./retry.ts"
import type { Sagas, Wave } from "./saga.ts"
import { untilAnswered } from "./until-answered.ts"
import { letGo } from "./wave.ts"

/** From this attempt on a compensation is reported as stuck; fewer failures are a brief outage. */
const stuckAfterAttempts = 3

/** The order's command for a row of the table. */
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

/** Undoes the orders of the wave, and has the register settle them. */
export const undo = (sagas: Sagas, wave: Wave): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* letGo(sagas, wave)
    yield* register(sagas, wave, Math.max(0, ...wave.runs.map(({ armed }) => armed)))
    yield* Scope.close(wave.scope, Exit.void)
    // Not everything is undone: the orders stay as they are for the next run.
    if (wave.cutShort !== undefined) return yield* Effect.failCause(wave.cutShort)
    yield* letGo(sagas, wave)
    yield* settle(sagas, wave)
    yield* letGo(sagas, wave)
  })

const compensate = (sagas: Sagas, wave: Wave, at: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    // A cancel is sent only after all later steps are cancelled. Because of this order, a
    // `cancelled` answer at one step proves that no later step holds anything.
    if (wave.cutShort !== undefined) return Effect.void
    const row = sagas.rows[at]!
    const armed = wave.runs.filter((run) =>
      run.armed > at && run.end === undefined && hasStep(run, row)
    )
    // A scope makes its finalizers uninterruptible, but a stop need not wait: the shared call that
    // sent a request sees it through.
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
    // For people to see. If the register does not answer either, the log has it.
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

/**
 * How requests of waves come to participants and register of a world, or do not, as its plan has it
 * in store for them.
 */
import { Clock, Deferred, Effect } from "effect"
import type { Decision } from "#shared/contracts/decision.ts"
import type { StepName } from "#shared/contracts/order-state.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import { type CallFailure, Refused } from "#shared/http/client.ts"
import { applyCommands } from "#shared/reservations/rules.ts"
import type { Answers } from "#shared/saga/saga.ts"
import { OutcomeUnknown, Unavailable } from "#shared/transient.ts"
import * as Invariants from "./saga-invariants.ts"
import { all, type Fate, idOf } from "./saga-plans.ts"
import {
  note,
  plannedDefect,
  type Run,
  type SentCommand,
  type Status,
  stopWave,
  type WaveRun,
  type World,
} from "./saga-world.ts"

const timeoutMs = 5_000

export const askParticipant = (
  world: World,
  wave: WaveRun,
  step: StepName,
  commands: ReadonlyArray<Command>,
): Effect.Effect<Answers<Outcome>> =>
  Effect.suspend(() => {
    const sent = commands.map(({ orderId, action }): SentCommand => {
      const command = { action, step, outcome: undefined }
      Invariants.onCommandSent(world, wave.runs.get(orderId)!, command)
      return command
    })
    const answers = request(world, wave, step, commands, (run, command) => {
      const { orderId, action } = command
      const outcome = apply(world, run, step, command)
      return [{ orderId, outcome }, `${action} ${step} of ${orderId}: ${outcome}`]
    })
    return Effect.tap(answers, (answers) =>
      Effect.sync(() => {
        for (const [n, answer] of answers.entries()) {
          if ("outcome" in answer) sent[n]!.outcome = answer.outcome
        }
      }))
  })

export const askRegister = (world: World, wave: WaveRun, decisions: ReadonlyArray<Decision>) =>
  request(world, wave, "register", decisions, (run, decision, nowMs) => {
    const { orderId } = decision
    const status = record(world, run, decision, nowMs)
    return [{ orderId, status }, `${decision.decision} of ${orderId}: ${status}`]
  })

const answeredAtOnce: Fate = { fate: "answered", arrivesMs: 0, strikes: all }

/** Sends a request, which meets its fate whether or not the wave that sent it lives to see it. */
const request = <I extends { readonly orderId: OrderId }, O>(
  world: World,
  wave: WaveRun,
  to: StepName | "register",
  entries: ReadonlyArray<I>,
  arrive: (run: Run, entry: I, nowMs: number) => readonly [answer: O, what: string],
): Effect.Effect<Answers<O>> =>
  Effect.gen(function* () {
    const { stop } = wave.delivery
    wave.calls++
    const stopsHere = stop !== undefined && "atCall" in stop && stop.atCall === wave.calls
    if (stopsHere && !stop.sent) yield* stopSelf(wave)
    const runs = entries.map(({ orderId }) => wave.runs.get(orderId)!)
    for (const run of runs) Invariants.onSent(world, run)
    const meets = world.fates[to].shift() ?? answeredAtOnce
    const answer = yield* Deferred.make<Answers<O>>()
    let late: Answers<O> = entries.map(() => failures.lost!)
    const arrival = Effect.gen(function* () {
      const nowMs = yield* Clock.currentTimeMillis
      const answers: Array<O | CallFailure> = []
      for (const [n, entry] of entries.entries()) {
        const fate = fateOf(meets, n, entries.length)
        const [given, what] = hasEffect(fate) ? arrive(runs[n]!, entry, nowMs) : []
        if (fate === "poison") runs[n]!.metDefect = true
        yield* note(world, `${wave.name}: ${what ?? `to ${to} of ${entry.orderId}`} (${fate})`)
        answers.push(failures[fate] ?? given!)
      }
      late = answers
      if (meets.fate === "lost") return
      yield* meets.fate === "defect"
        ? Deferred.die(answer, plannedDefect)
        : Deferred.succeed(answer, answers)
    })
    yield* Effect.forkIn(Effect.andThen(Effect.sleep(meets.arrivesMs), arrival), world.scope)
    if (stopsHere && stop.sent) yield* stopSelf(wave)
    return yield* Effect.timeoutOrElse(Deferred.await(answer), {
      duration: timeoutMs,
      orElse: () => Effect.succeed(late),
    }).pipe(Effect.ensuring(Effect.sync(() => runs.forEach((run) => run.isOut = false))))
  })

const hasEffect = (fate: Fate["fate"]) => fate === "answered" || fate === "cut off"

const failures: Partial<Record<Fate["fate"], CallFailure>> = {
  refused: new Unavailable({ message: "refused" }),
  "cut off": new OutcomeUnknown({ message: "cut off" }),
  lost: new OutcomeUnknown({ message: "timed out" }),
  poison: new Refused({ message: "poison" }),
}

/** What the n-th entry of a request meets. */
const fateOf = ({ fate, strikes }: Fate, n: number, count: number): Fate["fate"] => {
  // Of these the whole request is one.
  if (fate === "defect") return fate
  const isStruck = fate === "poison" ? strikes % count === n : (strikes >> (n % 8) & 1) === 1
  return isStruck ? fate : "answered"
}

const stopSelf = (wave: WaveRun) => Effect.andThen(stopWave(wave), Effect.yieldNow)

/** A command arrives at its participant. */
const apply = (world: World, run: Run, step: StepName, command: Command): Outcome["outcome"] => {
  const { records, balances } = world.participants[step]
  const { orderId } = command
  const before = records.get(orderId)
  const known = new Map(before === undefined ? [] : [[orderId, before]])
  const applied = applyCommands([command], known, balances, { nowMs: 0, retentionMs: 0 })
  for (const record of [...applied.recorded, ...applied.givenBack]) {
    records.set(orderId, record)
    Invariants.onRecorded(world, run, step, before?.outcome, record.outcome)
  }
  for (const [resource, change] of applied.changes) {
    balances.set(resource, balances.get(resource)! + change)
  }
  Invariants.conserved(world, step)
  const { outcome } = applied.outcomes[0]!
  if (command.action === "reserve") Invariants.onAnswer(world, run, step, outcome)
  return outcome
}

/** A decision arrives at the register: the first one wins. */
const record = (
  world: World,
  run: Run,
  { orderId, decision, reason }: Decision,
  nowMs: number,
): Status => {
  const before = world.statuses.get(orderId)!
  const after = before === "pending" && decision === "complete"
    ? "completed"
    : before === "pending" && decision === "abort"
    ? "compensating"
    : before === "compensating" && decision === "settle"
    ? "failed"
    : before
  world.statuses.set(orderId, after)
  if (after !== before) Invariants.onDecided(world, run, after, reason, nowMs)
  return after
}

/**
 * A customer cancels an order at the register, where the first decision wins. A later cancel is
 * told what the first was.
 */
export const cancel = (world: World, order: number) =>
  Effect.suspend(() => {
    const orderId = idOf(order)
    const before = world.statuses.get(orderId)!
    if (before === "pending") world.statuses.set(orderId, "compensating")
    const cancelled = world.cancelled.get(orderId) ??
      (before === "pending" ? "in time" : "too late")
    world.cancelled.set(orderId, cancelled)
    return note(world, `the customer cancels ${orderId}: ${cancelled}`)
  })

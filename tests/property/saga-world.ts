/**
 * A world in which sagas run: three participants under the real rules, the decision register, and a network between them
 * that refuses, loses, cuts off and delays as a plan tells it. Runs of a saga start, overlap and are interrupted as the
 * plan tells; then every saga that is not final is delivered again, which has to be enough. All of it is on the test's
 * clock and drawn from the plan, so a plan has one history; saga-invariants.ts watches every event of it.
 */
import { Clock, Deferred, Effect, Fiber, Random, References, type Scope } from "effect"
import { TestClock } from "effect/testing"
import type { FailureReason, OrderId, StepName } from "#shared/contracts/order.ts"
import type { Outcome } from "#shared/contracts/reservation.ts"
import { applyCommands, type Reservation } from "#shared/reservations/rules.ts"
import { runSaga } from "#shared/saga/run-saga.ts"
import {
  Cancelled,
  Rejected,
  type Saga,
  type SagaDecision,
  type SagaStatus,
  step,
} from "#shared/saga/saga.ts"
import { type Transient, Unavailable, Unknown } from "#shared/transient.ts"
import * as Invariants from "./saga-invariants.ts"
import { type Delivery, type Fate, idOf, type Plan, refusals, stepNames } from "./saga-plans.ts"

export interface Participant {
  readonly records: Map<OrderId, Reservation>
  readonly balances: Map<string, number>
}

export interface World {
  readonly plan: Plan
  readonly participants: Readonly<Record<StepName, Participant>>
  readonly statuses: Map<OrderId, SagaStatus>
  readonly scope: Scope.Scope
  readonly fates: Record<StepName | "register", Array<Fate>>
  runs: number
  /** The answers that each order's reserves have got so far. */
  readonly answers: Map<string, Outcome["outcome"]>
  /** What happened, for a person to read when an invariant broke. */
  readonly history: Array<string>
  readonly violations: Array<string>
}

/** One run of a saga, and what it did. */
export interface Run {
  readonly name: string
  readonly order: number
  readonly delivery: Delivery
  calls: number
  /** Whether a defect has come its way. */
  metDefect: boolean
  /** The steps whose cancel changed something, in order. */
  readonly undone: Array<StepName>
}

const timeoutMs = 5_000
/** Long enough for every fault of a plan, and every wait that follows from it, to be over. */
const horizon = "40 minutes"

/** Lets the plan happen and brings every saga to rest. What broke is in the world's `violations`. */
export const simulate = (plan: Plan): Effect.Effect<World> =>
  Effect.gen(function* () {
    const world = worldOf(plan, yield* Effect.scope)
    yield* deliverAll(world, plan.deliveries)
    const everyOrder = plan.orders.map((_, order) => order)
    let runs: ReadonlyArray<Run>
    do {
      const unsettled = everyOrder.filter((order) => !isFinal(world, order))
      runs = yield* deliverAll(world, unsettled.map((order) => again(order, true)))
    } while (runs.some((run) => run.metDefect))
    Invariants.atRest(world)
    const settled = Invariants.stateOf(world)
    yield* deliverAll(
      world,
      everyOrder.flatMap((order) => [again(order, true), again(order, false)]),
    )
    Invariants.unchanged(world, settled)
    return world
  }).pipe(
    Effect.scoped,
    Random.withSeed(plan.seed),
    Effect.provideService(References.MinimumLogLevel, "None"),
    Effect.provide(TestClock.layer()),
  )

const worldOf = (plan: Plan, scope: Scope.Scope): World => {
  const participant = (name: StepName): Participant => ({
    records: new Map(),
    balances: new Map(Object.entries(plan.stock[name])),
  })
  const { money, item, slot, register } = plan.fates
  return {
    plan,
    participants: {
      money: participant("money"),
      item: participant("item"),
      slot: participant("slot"),
    },
    statuses: new Map(plan.orders.map((_, order) => [idOf(order), "pending"])),
    scope,
    fates: { money: [...money], item: [...item], slot: [...slot], register: [...register] },
    runs: 0,
    answers: new Map(),
    history: [],
    violations: [],
  }
}

const isFinal = ({ statuses }: World, order: number) =>
  ["completed", "failed"].includes(statuses.get(idOf(order))!)

const again = (order: number, redelivered: boolean): Delivery => ({ order, redelivered, atMs: 0 })

/** Starts a run for each delivery, and lets all of them come to their end. */
const deliverAll = Effect.fnUntraced(function* (world: World, deliveries: ReadonlyArray<Delivery>) {
  const runs = deliveries.map((delivery): Run => ({
    name: `run ${++world.runs}`,
    order: delivery.order,
    delivery,
    calls: 0,
    metDefect: false,
    undone: [],
  }))
  const fibers = yield* Effect.forEach(
    runs,
    (run) => Effect.forkIn(deliver(world, run), world.scope),
  )
  yield* TestClock.adjust(horizon)
  Invariants.everyRunEnded(world, fibers)
  return runs
})

const deliver = Effect.fnUntraced(function* (world: World, run: Run) {
  const { atMs, stop } = run.delivery
  // The test's clock moves on when all that it woke is at rest, so everything has to begin by being woken.
  yield* Effect.sleep(1 + atMs)
  note(world, yield* Clock.currentTimeMillis, `${run.name} of ${idOf(run.order)} starts`)
  const fiber = yield* Effect.forkIn(runSaga(sagaOf(world, run)), world.scope)
  if (stop !== undefined && "afterMs" in stop) {
    const interrupt = Effect.andThen(Effect.sleep(stop.afterMs), Fiber.interrupt(fiber))
    yield* Effect.forkIn(interrupt, world.scope)
  }
  const exit = yield* Fiber.await(fiber)
  note(world, yield* Clock.currentTimeMillis, `${run.name} ends: ${exit}`)
  Invariants.onEnd(world, run, exit)
})

const note = ({ history }: World, now: number, what: string) => {
  history.push(`${Math.round(now)} ms: ${what}`)
}

const sagaOf = (world: World, run: Run): Saga<unknown, StepName, FailureReason> => ({
  of: undefined,
  steps: stepNames.map((name) =>
    step(name, {
      reserve: () =>
        Effect.flatMap(
          call(world, run, name, `reserve ${name}`, () => apply(world, run, name, "reserve")),
          (outcome) =>
            outcome === "reserved"
              ? Effect.void
              : Effect.fail(outcome === "rejected" ? new Rejected() : new Cancelled()),
        ),
      cancel: () =>
        Effect.suspend(() => {
          Invariants.onCancelSent(world, run, name)
          return call(world, run, name, `cancel ${name}`, () => apply(world, run, name, "cancel"))
        }),
      refusal: refusals[name],
    })
  ),
  deadlineMs: world.plan.orders[run.order]!.deadlineMs,
  timedOut: "Order timed out",
  redelivered: run.delivery.redelivered,
  decide: (decision) =>
    call(
      world,
      run,
      "register",
      decision.decision,
      (now) => record(world, run, decision, now),
    ),
})

/** Sends a message, which meets its fate whether or not the run that sent it lives to see it. */
const call = <A>(
  world: World,
  run: Run,
  to: StepName | "register",
  what: string,
  arrive: (nowMs: number) => A,
): Effect.Effect<A, Transient> =>
  Effect.gen(function* () {
    const { stop } = run.delivery
    run.calls++
    const stopsHere = stop !== undefined && "atCall" in stop && stop.atCall === run.calls
    if (stopsHere && !stop.sent) yield* interruptSelf
    const { fate, arrivesMs } = world.fates[to].shift() ?? { fate: "answered", arrivesMs: 0 }
    const answer = yield* Deferred.make<A, Transient>()
    const arrival = Effect.map(Clock.currentTimeMillis, (now) => {
      const result = arrive(now)
      note(world, now, `${run.name}: ${what} of ${idOf(run.order)}: ${result} (${fate})`)
      return result
    })
    const meet: Record<Fate["fate"], Effect.Effect<unknown>> = {
      "answered": Deferred.complete(answer, arrival),
      "refused": Deferred.fail(answer, new Unavailable({ message: "refused" })),
      "cut off": Effect.andThen(arrival, Deferred.fail(answer, new Unknown({ message: "cut" }))),
      "lost": Effect.void,
      "defect": Effect.suspend(() => {
        run.metDefect = true
        return Deferred.die(answer, "defect")
      }),
    }
    yield* Effect.forkIn(Effect.andThen(Effect.sleep(arrivesMs), meet[fate]), world.scope)
    if (stopsHere && stop.sent) yield* interruptSelf
    return yield* Effect.timeoutOrElse(Deferred.await(answer), {
      duration: timeoutMs,
      orElse: () => Effect.fail(new Unknown({ message: "timed out" })),
    })
  })

const interruptSelf = Effect.andThen(
  Effect.withFiber<void>((fiber) => {
    fiber.interruptUnsafe()
    return Effect.void
  }),
  Effect.yieldNow,
)

/** A command arrives at its participant. */
const apply = (
  world: World,
  run: Run,
  name: StepName,
  action: "reserve" | "cancel",
): Outcome["outcome"] => {
  const { records, balances } = world.participants[name]
  const orderId = idOf(run.order)
  const before = records.get(orderId)
  const known = new Map(before === undefined ? [] : [[orderId, before]])
  const command = { orderId, action, ...world.plan.orders[run.order]!.takes[name] }
  const terms = { nowMs: 0, retentionMs: 0 }
  const applied = applyCommands([command], known, balances, terms)
  for (const record of [...applied.recorded, ...applied.givenBack]) {
    records.set(orderId, record)
    Invariants.onRecorded(world, run, name, before?.outcome, record.outcome)
  }
  for (const [resource, change] of applied.changes) {
    balances.set(resource, balances.get(resource)! + change)
  }
  Invariants.conserved(world, name)
  const { outcome } = applied.outcomes[0]!
  if (action === "reserve") Invariants.onAnswer(world, run, name, outcome)
  return outcome
}

/** A decision arrives at the register: the first one wins. */
const record = (
  world: World,
  run: Run,
  { decision, reason }: SagaDecision<StepName, FailureReason>,
  nowMs: number,
): SagaStatus => {
  const before = world.statuses.get(idOf(run.order))!
  const after = before === "pending" && decision === "complete"
    ? "completed"
    : before === "pending" && decision === "abort"
    ? "compensating"
    : before === "compensating" && decision === "settle"
    ? "failed"
    : before
  world.statuses.set(idOf(run.order), after)
  if (after !== before) Invariants.onDecided(world, run, after, reason, nowMs)
  return after
}

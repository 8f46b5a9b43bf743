/**
 * Lets a plan happen: participants under the real rules, a register, and a network between them
 * that refuses, loses, cuts off and delays as the plan tells it. Waves start, overlap and are
 * interrupted as the plan tells; then every saga that is not final is delivered again, which has to
 * be enough. All of it is on the test's clock and drawn from the plan, so a plan has one history;
 * saga-invariants.ts watches every event of it.
 */
import { Cause, Clock, Effect, FiberSet, Random, References } from "effect"
import { TestClock } from "effect/testing"
import type { OrderId } from "#shared/contracts/order.ts"
import { orderSaga, stepsInForce } from "#shared/contracts/order-saga.ts"
import { type Now, orderIdOf, type OrderRun, orderRun } from "#shared/saga/order-run.ts"
import { runWave } from "#shared/saga/run-wave.ts"
import type { Sagas } from "#shared/saga/saga.ts"
import { waveOf } from "#shared/saga/wave.ts"
import { steadyMsOf } from "#shared/steady-time.ts"
import * as Invariants from "./saga-invariants.ts"
import { askParticipant, askRegister, cancel } from "./saga-network.ts"
import { type Delivery, idOf, type Plan } from "./saga-plans.ts"
import {
  note,
  plannedDefect,
  type Run,
  stopWave,
  type WaveRun,
  type World,
  worldOf,
} from "./saga-world.ts"

/** Long enough for every fault of a plan, and every wait that follows from it, to be over. */
const horizon = "40 minutes"

/**
 * Lets the plan happen and brings every saga to rest. What broke is in the world's `violations`.
 */
export const simulate = (plan: Plan): Effect.Effect<World> =>
  Effect.gen(function* () {
    const world = worldOf(plan, yield* Effect.scope)
    for (const { order, atMs } of plan.cancels) {
      const cancelling = Effect.andThen(Effect.sleep(1 + atMs), cancel(world, order))
      yield* Effect.forkIn(cancelling, world.scope)
    }
    yield* deliverAll(world, plan.deliveries)
    const everyOrder = plan.orders.map((_, order) => order)
    let runs: ReadonlyArray<Run>
    do {
      const unsettled = everyOrder.filter((order) => !isFinal(world, order))
      runs = yield* deliverAll(world, [again(unsettled, true)])
    } while (runs.some((run) => run.metDefect))
    Invariants.atRest(world)
    const settled = Invariants.stateOf(world)
    yield* deliverAll(world, [again(everyOrder, true), again(everyOrder, false)])
    Invariants.unchanged(world, settled)
    return world
  }).pipe(
    Effect.scoped,
    Random.withSeed(plan.seed),
    Effect.provideService(References.MinimumLogLevel, "None"),
    Effect.provide(TestClock.layer()),
  )

const isFinal = ({ statuses }: World, order: number) =>
  ["completed", "failed"].includes(statuses.get(idOf(order))!)

const again = (orders: ReadonlyArray<number>, redelivered: boolean): Delivery => ({
  orders: orders.map((order) => ({ order, redelivered })),
  atMs: 0,
})

/** Starts a wave for each delivery, and lets all of them come to their end. */
const deliverAll = Effect.fnUntraced(function* (world: World, deliveries: ReadonlyArray<Delivery>) {
  const waves = yield* Effect.forEach(deliveries, (delivery) => waveRun(world, delivery))
  const fibers = yield* Effect.forEach(
    waves,
    (wave) => Effect.forkIn(deliver(world, wave), world.scope),
  )
  yield* TestClock.adjust(horizon)
  Invariants.everyWaveEnded(world, fibers)
  return waves.flatMap(({ runs }) => [...runs.values()])
})

const waveRun = Effect.fnUntraced(function* (world: World, delivery: Delivery) {
  const name = `wave ${++world.waves}`
  const runs = delivery.orders.map(({ order }): [OrderId, Run] => [idOf(order), {
    wave: name,
    order,
    isOut: false,
    last: undefined,
    metDefect: false,
    undone: [],
    end: undefined,
  }])
  const wave: WaveRun = {
    name,
    delivery,
    runs: new Map(runs),
    fibers: yield* FiberSet.make<void>(),
    calls: 0,
    stopped: false,
    madeRoom: false,
  }
  return wave
})

const deliver = Effect.fnUntraced(function* (world: World, waveRun: WaveRun) {
  const { name, delivery: { atMs, orders, stop }, fibers } = waveRun
  // The test's clock moves on when all that it woke is at rest, so everything has to begin by being
  // woken.
  yield* Effect.sleep(1 + atMs)
  yield* note(world, `${name} starts with ${orders.map(({ order }) => idOf(order))}`)
  if (stop !== undefined && "afterMs" in stop) {
    yield* Effect.forkIn(Effect.andThen(Effect.sleep(stop.afterMs), stopWave(waveRun)), world.scope)
  }
  const sagas = sagasOf(world, waveRun, yield* Clock.Clock)
  const makeRoom = Effect.sync(() => {
    waveRun.madeRoom = true
  })
  const wave = waveOf(orders.map((one) => orderRunOf(world.plan, one, sagas.now())), makeRoom)
  yield* sagas.fork(wave, runWave(sagas, wave))
  yield* FiberSet.awaitEmpty(fibers)
  yield* note(world, `${name} ends`)
  Invariants.onWaveEnd(world, waveRun)
})

/** Longer than any wave has its orders in hand: each order has a deadline of its own. */
const deadlineMs = 10 * 3_600_000

const orderRunOf = (
  { orders }: Plan,
  { order, redelivered }: Delivery["orders"][number],
  now: Now,
) => {
  const { takes, steps, deadlineMs: atMs } = orders[order]!
  const message = {
    ...takes,
    orderId: idOf(order),
    steps,
    createdAtMs: atMs - deadlineMs,
    republished: 0,
  }
  return orderRun({ entryId: `entry of ${idOf(order)}`, message, redelivered }, now)
}

const sagasOf = (world: World, wave: WaveRun, clock: Clock.Clock): Sagas => {
  const stepAt = (at: string) => stepsInForce[orderSaga.findIndex((row) => row.at === at)]!
  const runOf = (run: OrderRun) => wave.runs.get(orderIdOf(run))!
  const end = (run: OrderRun, cause: string) => {
    Invariants.onEnd(world, runOf(run), run.end ?? "buried")
    return note(world, `${wave.name} ends ${orderIdOf(run)}: ${run.end ?? "buried"} ${cause}`)
  }
  const sagas: Sagas = {
    rows: orderSaga,
    deadlineMs,
    now: () => ({
      steadyMs: steadyMsOf(clock),
      ordersMs: clock.currentTimeMillisUnsafe(),
      toldAtMs: Infinity,
    }),
    send: (at, commands) => askParticipant(world, wave, stepAt(at), commands),
    decide: (decisions) => askRegister(world, wave, decisions),
    ended: (runs) => Effect.forEach(runs, (run) => end(run, run.cause), { discard: true }),
    stuck: () => Effect.void,
    fork: (part, goOn) => {
      if (wave.stopped) return Effect.void
      const buried = Effect.catchCause(goOn, (cause) => {
        if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
        const defect = Cause.squash(cause)
        for (const run of part.runs) runOf(run).metDefect ||= defect === plannedDefect
        return Effect.forEach(part.runs, (run) => end(run, `${defect}`), { discard: true })
      })
      return Effect.asVoid(FiberSet.run(wave.fibers, buried))
    },
  }
  return sagas
}

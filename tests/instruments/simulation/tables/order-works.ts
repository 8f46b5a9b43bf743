/**
 * The work of the orders service on its tables, for tests that compare simulated tables with real
 * ones: pieces of work at chosen times, by the real register and sweeper, and arbitraries of them.
 */
import { Cause, Clock, Context, Effect, Exit, Layer } from "effect"
import fc from "fast-check"
import type { Order } from "#services/orders/order.ts"
import {
  type Insertion,
  OrderStore,
  type OrderTable,
  type StatusChange,
  type UsersKey,
} from "#services/orders/order-table.ts"
import { Register } from "#services/orders/register.ts"
import { sweep } from "#services/orders/sweeper.ts"
import type { Decision } from "#shared/contracts/decision.ts"
import { OrderId } from "#shared/contracts/order.ts"
import { stepsInForce } from "#shared/contracts/order-saga.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import type { Store } from "#shared/postgres/store.ts"
import { OrderQueue } from "#shared/queue/order-queue.ts"
import { noChanges } from "../no-changes.ts"

/** Returns an answer that can be compared: that of the tables, or the kind of failure. */
type Perform = (store: Store<OrderTable>) => Effect.Effect<unknown>

const t0 = Date.UTC(2026, 0, 5)
const at = (ms: number) => new Date(t0 + ms)

const clockAt = (ms: number): Clock.Clock => {
  const nowMs = t0 + ms
  const nanos = BigInt(nowMs) * 1_000_000n
  return {
    currentTimeMillisUnsafe: () => nowMs,
    currentTimeMillis: Effect.succeed(nowMs),
    currentTimeNanosUnsafe: () => nanos,
    currentTimeNanos: Effect.succeed(nanos),
    monotonicTimeNanosUnsafe: () => nanos,
    monotonicTimeNanos: Effect.succeed(nanos),
    sleep: () => Effect.never,
  }
}

const comparable = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<unknown> =>
  Effect.map(Effect.exit(effect), (exit) => {
    if (Exit.isSuccess(exit)) return Array.isArray(exit.value) ? [...exit.value] : exit.value
    const defect = exit.cause.reasons.find(Cause.isDieReason)?.defect
    return { defect: (defect as { code?: string } | undefined)?.code ?? String(exit.cause) }
  })

const single = (run: (orders: OrderTable) => Effect.Effect<unknown>): Perform => ({ query }) =>
  comparable(query(run))

export const id = (n: number): OrderId =>
  OrderId.make(`00000000-0000-7000-8000-${n.toString(16).padStart(12, "0")}`)

export interface Given {
  readonly n: number
  readonly username: string
  readonly key: string | undefined
  readonly amountMinor: number
  readonly ms: number
}

const insertion = ({ n, username, key, amountMinor, ms }: Given): Insertion => {
  const order: Order = {
    id: id(n),
    username,
    amountMinor,
    details: { item: 1 + n, slot: "09:00" },
    steps: stepsInForce,
    status: "pending",
    reason: null,
    createdAt: at(ms),
    decidedAt: null,
    timeline: [],
    stuck: null,
    traceparent: n % 2 === 0 ? null : "00-1-2-01",
    republished: 0,
  }
  return { order, idempotencyKey: key, publishAt: at(ms + 15_000) }
}

const timeline = (ms: number): Decision["timeline"] => [{
  step: "money",
  action: "reserve",
  outcome: "reserved",
  attempts: 1,
  at: at(ms).toISOString(),
  durationMs: ms + 0.5,
}]

const aborted = (orderId: OrderId): StatusChange => ({
  orderId,
  before: "pending",
  status: "compensating",
  reason: "Order timed out",
  timeline: timeline(1),
  stuck: undefined,
})

const insert = (given: ReadonlyArray<Given>) => (orders: OrderTable) =>
  orders.insert(given.map(insertion))

/** The order of the taken ones is not promised, so they are sorted. */
const takeDue = (limit: number, ms: number) => (orders: OrderTable) =>
  Effect.map(
    orders.takeDue(at(ms), limit, { firstMs: 15_000, mostMs: 60_000 }),
    (taken) => taken.toSorted((a, b) => a.id < b.id ? -1 : 1),
  )

const pieces = {
  insert: (given: ReadonlyArray<Given>): Perform => single(insert(given)),
  /** In a transaction, so that others can come before its commit. */
  insertSlowly: (given: ReadonlyArray<Given>): Perform => ({ transaction }) =>
    comparable(transaction(insert(given))),
  findByKeys: (keys: ReadonlyArray<UsersKey>): Perform => single((t) => t.findByKeys(keys)),
  countMade: (usernames: ReadonlyArray<string>, n: number): Perform =>
    single((t) => Effect.map(t.countMade(usernames, id(n)), (made) => [...made].sort())),
  find: (ns: ReadonlyArray<number>): Perform =>
    single((t) => Effect.map(t.find(ns.map(id)), (found) => [...found].sort())),
  newest: (username: string, limit: number, before: number | undefined): Perform =>
    single((t) => t.newest(username, limit, before === undefined ? undefined : id(before))),
  countUnfinished: (limit: number): Perform =>
    single((t) =>
      Effect.map(t.countUnfinished(limit), ({ total, users }) => [
        total,
        // Beyond the limit PostgreSQL chooses which are counted.
        total < limit ? [...users].sort() : "whoever's",
      ])
    ),
  makeAllDue: (): Perform => single((t) => Effect.asVoid(t.makeAllDue)),
  takeDue: (limit: number, ms: number): Perform => single(takeDue(limit, ms)),
  /** In a transaction, so that others can come before its commit. */
  takeDueSlowly: (limit: number, ms: number): Perform => ({ transaction }) =>
    comparable(transaction(takeDue(limit, ms))),

  decide: (decisions: ReadonlyArray<Decision>, ms: number): Perform => (store) =>
    Layer.build(
      Register.layer.pipe(Layer.provide([Layer.succeed(OrderStore, store), noChanges])),
    ).pipe(
      Effect.flatMap((context) => Context.get(context, Register).decide(decisions)),
      Effect.scoped,
      Effect.provideService(Clock.Clock, clockAt(ms)),
      comparable,
    ),

  /** Aborts one order after another, in the given order. */
  abortEach: (ns: ReadonlyArray<number>): Perform => ({ transaction }) =>
    comparable(
      transaction((t) =>
        Effect.forEach(ns.map(id), (orderId) =>
          Effect.tap(t.lockStatuses([orderId]), () =>
            t.changeStatuses([aborted(orderId)], at(0))))
      ),
    ),

  /** Also returns what is published. */
  sweep: (ms: number): Perform => (store) =>
    Effect.suspend(() => {
      const published: Array<OrderMessage> = []
      const queue: OrderQueue["Service"] = {
        publish: (messages) => Effect.sync(() => void published.push(...messages)),
        take: () => Effect.never,
        acknowledge: () => Effect.void,
        deadLetter: () => Effect.void,
        ping: Effect.void,
        volatile: false,
      }
      return sweep({ republishAfterMs: 15_000 }).pipe(
        Effect.provideService(OrderStore, store),
        Effect.provideService(OrderQueue, queue),
        Effect.provideService(Clock.Clock, clockAt(ms)),
        comparable,
        Effect.map((count) => ({
          count,
          // Orders that are due since the same moment come in no particular order.
          published: published.toSorted((a, b) => a.orderId < b.orderId ? -1 : 1),
        })),
      )
    }),
}

/** A piece of work as data. */
export type Work = {
  [Name in keyof typeof pieces]: readonly [Name, ...Parameters<(typeof pieces)[Name]>]
}[keyof typeof pieces]

export const perform = ([name, ...given]: Work): Perform =>
  (pieces[name] as (...given: ReadonlyArray<unknown>) => Perform)(...given)

export const stuck = (attempts: number): NonNullable<Decision["stuck"]> => ({
  step: "item",
  cause: 'it said "no", \\ and {so on}',
  attempts,
  nextAttemptAt: at(attempts).toISOString(),
})

// Few different values, so that most pieces of work meet.
const username = fc.constantFrom("ann", 'b"\\,{} ü')
const key = fc.constantFrom("k1", "k2", 'k"\\,{} ü')
const n = fc.nat(4)
/** Within minutes, in whole seconds, so that times meet too. */
const ms = fc.nat(200).map((seconds) => seconds * 1_000)

/** Orders of which most can be inserted. The others have a wrong amount or id. */
const anyGiven = (from: number): fc.Arbitrary<ReadonlyArray<Given>> =>
  fc.array(
    fc.record({
      n: n.map((n) => from + n),
      username,
      key: fc.option(key, { nil: undefined }),
      amountMinor: fc.oneof(
        { weight: 20, arbitrary: fc.constant(1_99) },
        { weight: 1, arbitrary: fc.constantFrom(0, -1) },
      ),
      ms,
    }),
    { minLength: 1, maxLength: 3 },
  )

export const anyInsert: fc.Arbitrary<Work> = anyGiven(0).map((given) => ["insert", given])

/** Of orders that nothing else inserts, because real ids are unique. */
export const anyInsertSlowly = (from: number): fc.Arbitrary<Work> =>
  anyGiven(from).map((given) => ["insertSlowly", given])

const anyDecision: fc.Arbitrary<Decision> = fc.oneof(
  fc.record({
    orderId: n.map(id),
    decision: fc.constant("ask" as const),
    timeline: fc.constant([]),
  }),
  fc.record({
    orderId: n.map(id),
    decision: fc.constantFrom("complete", "settle"),
    timeline: ms.map(timeline),
  }),
  fc.record({
    orderId: n.map(id),
    decision: fc.constant("abort" as const),
    reason: fc.constantFrom("Not enough money", "Order timed out"),
    timeline: ms.map(timeline),
    stuck: n.map(stuck),
  }, { requiredKeys: ["orderId", "decision", "timeline"] }),
)

export const anyDecide: fc.Arbitrary<Work> = fc.tuple(
  fc.array(anyDecision, { minLength: 1, maxLength: 5 }),
  ms,
).map(([decisions, ms]) => ["decide", decisions, ms])

export const anySweep: fc.Arbitrary<Work> = fc.oneof(ms, ms.map((ms) => 5 * ms))
  .map((ms) => ["sweep", ms])

/** With a limit above all orders: of orders due at the same time PostgreSQL chooses. */
export const anyTakeDueSlowly: fc.Arbitrary<Work> = ms.map((ms) => ["takeDueSlowly", 9, ms])

export const anyLook: fc.Arbitrary<Work> = fc.oneof(
  fc.tuple(
    fc.constant("findByKeys" as const),
    fc.array(fc.record({ username, key }), { minLength: 1, maxLength: 3 }),
  ),
  fc.tuple(fc.constant("countMade" as const), fc.uniqueArray(username), n),
  fc.tuple(fc.constant("find" as const), fc.array(n, { maxLength: 3 })),
  fc.tuple(fc.constant("newest" as const), username, n, fc.option(n, { nil: undefined })),
  fc.tuple(fc.constant("countUnfinished" as const), n),
)

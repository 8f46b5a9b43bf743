/**
 * The load: a steady stream of orders of every kind from old and new customers, and bursts of
 * orders, so that orders are in flight when a fault comes.
 */
import { Effect, Fiber, FiberSet, Random, type Scope } from "effect"
import { randomUUID } from "node:crypto"
import { wishOf } from "#tests/support/customer.ts"
import { type ChaosCustomer, newCustomer } from "./customer.ts"
import type { Evidence, Submission } from "./evidence.ts"
import type { ChaosSystem } from "./system.ts"

export interface Load {
  /** Sends ten orders within a tenth of a second, without waiting for them. */
  readonly burst: Effect.Effect<void>
  /** Lets this many customers sign up at once. */
  readonly newcomers: (count: number) => Effect.Effect<void>
  /** Stops new orders and customers; what has begun goes on. */
  readonly stop: Effect.Effect<void>
  /** Succeeds when every order was acknowledged, and its customer was told that it is final. */
  readonly settled: Effect.Effect<void>
}

const firstCustomers = 5
const betweenOrdersMs = 180
const inBurst = 10
/** Less than an order takes, so that one is always in flight. */
const betweenInBurstMs = 10
const betweenNewcomers = "4 seconds"
/** The newest customers that go on ordering; older ones have enough orders. */
const customersKept = 20

/** Wishes of every kind in turn, and how their orders must end. */
const numberedWish = (n: number) => ({
  wish: wishOf(n),
  mustBe: [1, 2, 3].includes(n % 10) ? "failed" as const : "completed" as const,
})

/** Of twenty orders, one is sent twice at once, and two are sent again after their answer. */
const sentOf = (n: number): Submission["sent"] =>
  n % 20 === 7 ? "twice at once" : n % 10 === 9 ? "again after the answer" : "once"

/**
 * Starts the load, until it is stopped or the scope closes. Succeeds when the first customers have
 * signed up.
 */
export const startLoad = (
  system: Pick<ChaosSystem, "fetch">,
  evidence: Evidence,
): Effect.Effect<Load, never, Scope.Scope> =>
  Effect.gen(function* () {
    const customers: Array<ChaosCustomer> = []
    const fibers = yield* FiberSet.make<void, never>()
    // Not the one of the fault that asks for a burst: the draws of a seed are for the faults.
    const random = yield* Random.Random
    const run = (effect: Effect.Effect<void>) =>
      FiberSet.run(fibers, Effect.provideService(effect, Random.Random, random))
    const join = Effect.map(newCustomer(system, evidence), (customer) => {
      customers.push(customer)
      if (customers.length > customersKept) customers.shift()
    })
    const newcomers = (count: number) =>
      Effect.forEach(Array.from({ length: count }), () => run(join), { discard: true })
    yield* Effect.all(Array.from({ length: firstCustomers }, () => join), { concurrency: 2 })

    const order = Effect.suspend(() => {
      const n = evidence.submissions.length
      const customer = customers[n % customers.length]!
      const submission: Submission = {
        key: randomUUID(),
        username: customer.username,
        ...numberedWish(n),
        sent: sentOf(n),
        cancels: n % 7 === 4,
        cancelled: undefined,
        inCalm: !evidence.broken,
        atOnce: false,
        acknowledged: undefined,
        told: undefined,
      }
      evidence.submissions.push(submission)
      return run(customer.order(submission))
    })
    const steady = yield* Effect.forkScoped(Effect.all([
      Effect.forever(Effect.delay(order, betweenOrdersMs)),
      Effect.forever(Effect.delay(newcomers(1), betweenNewcomers)),
    ], { concurrency: "unbounded" }))
    const scope = yield* Effect.scope
    return {
      burst: Effect.replicateEffect(Effect.delay(order, betweenInBurstMs), inBurst, {
        discard: true,
      }).pipe(Effect.forkIn(scope), Effect.asVoid),
      newcomers,
      stop: Fiber.interrupt(steady),
      settled: FiberSet.awaitEmpty(fibers),
    }
  })

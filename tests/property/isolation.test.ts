/**
 * One order's failure never becomes another's: an order has the same history in a wave as alone,
 * whatever happens to the others. This compares runs of the engine alone, on scripted answers. In
 * the simulated world of `saga.test.ts` the companions of an order change what it meets: they share
 * its requests, and the stock.
 */
import { Effect, Random } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { expect, it } from "vitest"
import { stepsInForce } from "#shared/contracts/order-saga.ts"
import {
  misconfigured,
  type OutcomeName,
  refused,
  type Script,
  scripted,
  type Scripts,
  unavailable,
  unknown,
} from "#tests/shared/saga/scripted-sagas.ts"

const failure = fc.constantFrom(unavailable, unknown, misconfigured)

/** Some failures, and mostly the usual answer after them. */
const answers = (...unusual: ReadonlyArray<OutcomeName | typeof refused>) =>
  fc.tuple(
    fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(failure, { maxLength: 4 })),
    fc.oneof(
      { weight: 6, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.constantFrom(...unusual).map((answer) => [answer]) },
    ),
  ).map(([failures, last]) => [...failures, ...last])

const ofEach = <A>(answers: fc.Arbitrary<A>) =>
  fc.record({ money: answers, item: answers, slot: answers })

const never = 1_000_000_000

const script: fc.Arbitrary<Script> = fc.record({
  reserve: ofEach(answers("rejected", "rejected", "cancelled", "mismatch", refused)),
  cancel: ofEach(answers("reserved", refused)),
  register: fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    fc.array(fc.oneof(fc.constantFrom("honest" as const, "lost" as const), failure), {
      maxLength: 5,
    }),
  ),
  status: fc.oneof(
    { weight: 6, arbitrary: fc.constant("pending" as const) },
    fc.constantFrom("completed" as const, "compensating" as const, "failed" as const),
    fc.constant("unknown" as const),
  ),
  redelivered: fc.boolean(),
  steps: fc.oneof(
    { weight: 4, arbitrary: fc.constant(stepsInForce) },
    fc.subarray([...stepsInForce], { minLength: 1 }),
  ),
  deadlineMs: fc.oneof({ weight: 4, arbitrary: fc.constant(never) }, fc.constant(0)),
})

/** For each order of the wave: its requests, its end, and what the register was told. */
const historiesOf = (scripts: Scripts) =>
  Effect.gen(function* () {
    const sagas = yield* scripted(scripts)
    yield* sagas.runToEnd
    return Object.keys(scripts).map((order) => ({
      order,
      sent: sagas.sentOf(order),
      end: sagas.endOf(order),
      status: sagas.statusOf(order),
      told: sagas.decisions.filter(({ orderId }) => orderId === order as string)
        .map(({ decision, reason, timeline, stuck }) => ({
          decision,
          reason,
          timeline: timeline.map(({ step, action, outcome, attempts }) =>
            `${action} ${step}: ${outcome} after ${attempts}`
          ),
          stuck: stuck && [stuck.step, stuck.cause, stuck.attempts],
        })),
    }))
  }).pipe(
    Effect.scoped,
    Random.withSeed("jitter"),
    Effect.provide(TestClock.layer()),
    Effect.runPromise,
  )

it("an order has the same history in any wave as alone", () =>
  fc.assert(
    fc.asyncProperty(fc.array(script, { minLength: 2, maxLength: 6 }), async (wave) => {
      const scripts = Object.fromEntries(wave.map((script, n) => [`order ${n}`, script]))
      const alone = await Promise.all(
        Object.entries(scripts).map(([name, script]) => historiesOf({ [name]: script })),
      )
      expect(await historiesOf(scripts)).toEqual(alone.flat())
    }),
    { numRuns: 500 },
  ))

/**
 * What slows down guessing, in this process and in a real Redis. By the test's clock, an hour takes
 * no time.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import {
  type Attempt,
  LoginThrottle,
  loginThrottleLayer,
  type Permit,
} from "#services/auth/login-throttle.ts"
import { rateLimitsLayer } from "#services/auth/rate-limit.ts"
import type { Problem } from "#shared/http/problem.ts"
import { type RedisServer, startRedis } from "#tests/support/redis.ts"

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.kill())

const startThrottle = (url: string) =>
  Effect.map(
    Layer.build(loginThrottleLayer.pipe(Layer.provide(rateLimitsLayer(new URL(url))))),
    (context) => Effect.provideContext(LoginThrottle, context),
  ).pipe(Effect.flatten)

/** A stranger's attempt from the n-th site. */
const stranger = (username: string, n = 0): Attempt => ({
  username,
  address: `10.${n >> 16 & 255}.${n >> 8 & 255}.${n & 255}`,
  device: undefined,
  addressIsKnown: false,
})
const network = (n: number) => `2001:db8:${n.toString(16)}:0::/64`
const aName = () => crypto.randomUUID()

type Throttle = LoginThrottle["Service"]

/** Makes the attempts, and returns the result of each: its permit, or the seconds to wait. */
const tried = ({ permit }: Throttle, attempts: ReadonlyArray<Attempt>) =>
  Effect.forEach(attempts, (attempt) =>
    Effect.match(permit(attempt), {
      onSuccess: (permit): Permit | number => permit,
      onFailure: ({ status, headers }: Problem) => {
        assert.strictEqual(status, 429)
        return Number(headers?.["retry-after"])
      },
    }))

/** How many attempts are refused. Asserts that these are the last ones. */
const refused = (answers: ReadonlyArray<Permit | number>) => {
  const first = answers.findIndex((answer) => typeof answer === "number")
  const last = answers.slice(first === -1 ? answers.length : first)
  assert.isTrue(last.every((answer) => typeof answer === "number"))
  return last.length
}
const many = (n: number, attempt: (n: number) => Attempt) =>
  Array.from({ length: n }, (_, n) => attempt(n))

const variants = [["in this process", () => "memory:"], ["in Redis", () => redis.url]] as const

describe.each(variants)("the log-in throttle, counting %s", (_, url) => {
  it.effect("holds strangers' guesses at an account longer each time, and then refuses them", () =>
    Effect.gen(function* () {
      const throttle = yield* startThrottle(url())
      const name = aName()
      const answers = yield* tried(throttle, many(17, (n) => stranger(name, n)))
      assert.strictEqual(refused(answers), 2)
      const holds = answers.slice(0, 15).map((permit) => (permit as Permit).hold)
      assert.deepStrictEqual(holds.slice(0, 5), Array(5).fill(undefined))
      const expected = [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000, 16_000]
      for (const [n, ms] of expected.entries()) {
        const held = yield* Effect.forkChild(holds[n + 5]!, { startImmediately: true })
        yield* TestClock.adjust(ms - 1)
        assert.isUndefined(held.pollUnsafe())
        yield* TestClock.adjust(1)
        yield* Fiber.join(held)
      }
      // Twelve minutes refill one attempt.
      assert.isAtMost(answers[15] as number, 720)
      assert.isAbove(answers[15] as number, 600)
    }))

  it.effect("lets no single site empty an account's bucket, or make others wait long", () =>
    Effect.gen(function* () {
      const throttle = yield* startThrottle(url())
      const name = aName()
      assert.strictEqual(refused(yield* tried(throttle, many(20, () => stranger(name)))), 15)
      // These networks belong to one site.
      const site = many(20, (n) => ({ ...stranger(name), address: `2001:db8:1:${n}::/64` }))
      assert.strictEqual(refused(yield* tried(throttle, site)), 15)
      const [owner] = yield* tried(throttle, [stranger(name, 99)])
      const held = yield* Effect.forkChild((owner as Permit).hold!, { startImmediately: true })
      yield* TestClock.adjust("8 seconds")
      yield* Fiber.join(held)
    }))

  it.effect("refuses a device only for failures on that device", () =>
    Effect.gen(function* () {
      const throttle = yield* startThrottle(url())
      const name = aName()
      yield* tried(throttle, many(60, (n) => stranger(name, n)))
      yield* tried(throttle, many(60, (n) => stranger(`${name} ${n}`, 1)))
      assert.strictEqual(refused(yield* tried(throttle, [stranger(name, 1)])), 1)
      const device = { ...stranger(name, 1), device: aName() }
      const [first] = yield* tried(throttle, [device])
      assert.isUndefined((first as Permit).hold)
      assert.strictEqual(refused(yield* tried(throttle, many(12, () => device))), 3)
      assert.strictEqual(refused(yield* tried(throttle, [{ ...device, device: aName() }])), 0)
    }))

  it.effect("refuses an address with a live session only for its failures at this account", () =>
    Effect.gen(function* () {
      const throttle = yield* startThrottle(url())
      const name = aName()
      const home = { ...stranger(name, 7), addressIsKnown: true }
      yield* tried(throttle, many(60, (n) => stranger(name, n)))
      yield* tried(throttle, many(60, (n) => stranger(`${name} ${n}`, 7)))
      assert.strictEqual(refused(yield* tried(throttle, [stranger(name, 7)])), 1)
      assert.strictEqual(refused(yield* tried(throttle, many(12, () => home))), 2)
      const other = { ...home, username: `${home.address} ${name}` }
      assert.strictEqual(refused(yield* tried(throttle, [other])), 0)
    }))

  it.effect("stops an address that tries many names, but no other address", () =>
    Effect.gen(function* () {
      const throttle = yield* startThrottle(url())
      const name = aName()
      const address = `${name}.test`
      const at = (address: string) => (n: number) => ({ ...stranger(`${name} ${n}`), address })
      const answers = yield* tried(throttle, many(53, at(address)))
      assert.strictEqual(refused(answers), 3)
      assert.isAtMost(answers[52] as number, 72)
      assert.isUndefined((answers[39] as Permit).hold)
      assert.isDefined((answers[40] as Permit).hold)
      assert.strictEqual(refused(yield* tried(throttle, [at(`${name}.other`)(60)])), 0)
    }))

  it.effect("counts no attempt that is put back, and none that was refused", () =>
    Effect.gen(function* () {
      const throttle = yield* startThrottle(url())
      const name = aName()
      for (let n = 0; n < 60; n++) {
        const [permit] = yield* tried(throttle, [stranger(name)])
        assert.isUndefined((permit as Permit).hold)
        yield* (permit as Permit).putBack
      }
      const other = aName()
      const address = `${name}.test`
      yield* tried(throttle, many(60, () => ({ ...stranger(other), address })))
      const others = many(45, (n) => ({ ...stranger(`${other} ${n}`), address }))
      assert.strictEqual(refused(yield* tried(throttle, others)), 0)
    }))
})

describe("the log-in throttle of one process", () => {
  it.effect("allows strangers at most 20 failures in any hour at an account", () =>
    Effect.gen(function* () {
      const throttle = yield* startThrottle("memory:")
      const failedAt: Array<number> = []
      for (let minute = 0; minute < 180; minute++) {
        const answers = yield* tried(throttle, many(20, (n) => stranger("ann", 20 * minute + n)))
        failedAt.push(...answers.filter((answer) => typeof answer !== "number").map(() => minute))
        yield* TestClock.adjust("1 minute")
      }
      assert.isAbove(failedAt.length, 20)
      for (const start of failedAt) {
        assert.isAtMost(failedAt.filter((at) => at >= start && at < start + 60).length, 20)
      }
    }))

  it.effect("keeps a victim's bucket while 20,500 other guesses are refused or fail", () =>
    Effect.gen(function* () {
      const throttle = yield* startThrottle("memory:")
      const from = (username: string) => (n: number) => ({
        ...stranger(username),
        address: network(n),
      })
      const guesses = yield* tried(throttle, many(20, from("victim")))
      assert.strictEqual(refused(guesses), 5)
      assert.strictEqual(refused(yield* tried(throttle, many(20_500, from("dummy")))), 20_485)
      yield* tried(throttle, many(20_500, (n) => from(`dummy ${n}`)(n)))
      assert.strictEqual(refused(yield* tried(throttle, many(40, from("victim")))), 40)
    }))

  it.effect("holds at most a thousand attempts at once, and refuses the others for now", () =>
    Effect.gen(function* () {
      const throttle = yield* startThrottle("memory:")
      const attempts = Array.from(
        { length: 101 },
        (_, account) => many(15, (n) => stranger(`account ${account}`, 15 * account + n)),
      ).flat()
      const holds = (yield* tried(throttle, attempts)).flatMap((permit) =>
        typeof permit === "number" || permit.hold === undefined ? [] : [permit.hold]
      )
      assert.isAbove(holds.length, 1_000)
      const held = yield* Effect.forEach(
        holds,
        (hold) => Effect.forkChild(Effect.flip(hold), { startImmediately: true }),
      )
      const problems = held.filter((fiber) => fiber.pollUnsafe() !== undefined)
      assert.strictEqual(problems.length, holds.length - 1_000)
      assert.strictEqual((yield* Fiber.join(problems[0]!)).status, 429)
    }))
})

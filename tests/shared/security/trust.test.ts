/**
 * The keys and ended sessions that prove users' tokens: when they are renewed, how old they may be,
 * and what their answers show of auth's clock.
 */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { exportJWK, generateKeyPair } from "jose"
import { Fetch } from "#shared/http/client.ts"
import { makePeerClocks, PeerClocks } from "#shared/http/peer-clocks.ts"
import { readTrustOf } from "#shared/security/trust-of-auth.ts"
import { makeTrust } from "#shared/security/trust.ts"
import { auths } from "#tests/support/auths-answer.ts"

const startMs = 1_800_000_000_000

/** An auth that answers as the test says, and a caller. */
const prepared = Effect.gen(function* () {
  yield* TestClock.setTime(startMs)
  const { publicKey } = yield* Effect.promise(() =>
    generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true })
  )
  const jwk = yield* Effect.promise(() => exportJWK(publicKey))
  const clock = yield* Clock.Clock
  const clocks = makePeerClocks()
  const auth = {
    kids: ["one"],
    ended: [] as ReadonlyArray<string>,
    aheadMs: 0,
    isUp: true,
    asked: [] as Array<string>,
    /** Holds answers back until it is resolved. */
    gate: Promise.resolve(),
  }
  const answer = async (url: string) => {
    auth.asked.push(new URL(url).search)
    if (!auth.isUp) throw new TypeError("connection refused")
    const date = new Date(clock.currentTimeMillisUnsafe() + auth.aheadMs).toUTCString()
    const body = auths(auth.kids.map((kid) => ({ ...jwk, kid })), {
      endedSessions: auth.ended,
      position: `${auth.asked.length}`,
      accessTokenSeconds: 600,
    })
    await auth.gate
    return Response.json(body, { headers: { date } })
  }
  const trust = yield* Effect.gen(function* () {
    return yield* makeTrust(yield* readTrustOf(new URL("http://auth.test/internal/jwks.json")))
  }).pipe(
    Effect.provideService(PeerClocks, clocks),
    Effect.provideService(Fetch, answer),
  )
  /** Whether a caller finds the key now; a number is the status of its problem. */
  const look = (kid: string) =>
    trust.fresh.pipe(
      Effect.andThen(trust.find(kid)),
      Effect.match({ onSuccess: (key) => key !== undefined, onFailure: ({ status }) => status }),
    )
  return { auth, clocks, trust, look }
})

/** Runs the background work for a while, and lets everything due happen. */
const passing = (time: `${number} seconds`) =>
  Effect.gen(function* () {
    const [seconds] = time.split(" ")
    for (let n = 0; n < Number(seconds); n++) {
      yield* TestClock.adjust("1 second")
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 2)))
    }
  })

describe("what is trusted", () => {
  it.effect("is requested by the first caller, once for all that come meanwhile", () =>
    Effect.gen(function* () {
      const { auth, look } = yield* prepared
      const found = yield* Effect.all(Array.from({ length: 20 }, () => look("one")), {
        concurrency: "unbounded",
      })
      assert.deepStrictEqual(new Set(found), new Set([true]))
      assert.strictEqual(auth.asked.length, 1)
    }))

  it.effect("is renewed every five seconds, from the position of the last answer", () =>
    Effect.gen(function* () {
      const { auth, trust, look } = yield* prepared
      yield* Effect.forkScoped(trust.kept)
      yield* passing("16 seconds")
      assert.deepStrictEqual(auth.asked, ["", "?after=1", "?after=2", "?after=3"])
      // No caller waits while the answer is on its way.
      let open = () => {}
      auth.gate = new Promise((resolve) => open = resolve)
      yield* passing("5 seconds")
      assert.strictEqual(auth.asked.length, 5)
      assert.strictEqual(yield* look("one"), true)
      assert.strictEqual(auth.asked.length, 5)
      open()
    }))

  it.effect("is valid for 30 seconds from the moment of its request", () =>
    Effect.gen(function* () {
      const { auth, trust, look } = yield* prepared
      let open = () => {}
      auth.gate = new Promise((resolve) => open = resolve)
      const waiting = yield* Effect.forkChild(look("one"))
      yield* passing("4 seconds")
      open()
      assert.strictEqual(yield* Fiber.join(waiting), true)
      auth.isUp = false
      // The wall clock does not matter.
      yield* TestClock.setTime(startMs - 3_600_000)
      yield* passing("25 seconds")
      assert.strictEqual(yield* look("one"), true)
      yield* passing("1 seconds")
      assert.strictEqual(yield* look("one"), 503)
      auth.isUp = true
      assert.strictEqual(yield* look("one"), true)
      assert.isFalse(trust.hasEnded("none"))
    }))

  it.effect("forgets a removed key, and keeps ended sessions as long as a token lives", () =>
    Effect.gen(function* () {
      const { auth, trust, look } = yield* prepared
      yield* Effect.forkScoped(trust.kept)
      yield* passing("1 seconds")
      const key = trust.keyNamed("one")
      auth.kids = ["two"]
      auth.ended = ["a session"]
      yield* passing("5 seconds")
      assert.isDefined(key)
      assert.isUndefined(trust.keyNamed("one"))
      assert.isTrue(trust.hasEnded("a session"))
      auth.ended = []
      yield* passing("600 seconds")
      assert.isTrue(trust.hasEnded("a session"))
      yield* passing("310 seconds")
      auth.ended = ["another"]
      yield* passing("5 seconds")
      assert.isFalse(trust.hasEnded("a session"))
      assert.strictEqual(yield* look("two"), true)
    }))

  it.effect("is requested at once for an unknown key, but not for every such token", () =>
    Effect.gen(function* () {
      const { auth, look } = yield* prepared
      yield* look("one")
      auth.kids = ["one", "two"]
      assert.strictEqual(yield* look("two"), true)
      const before = auth.asked.length
      for (let n = 0; n < 200; n++) assert.strictEqual(yield* look(`unknown ${n}`), false)
      assert.isAtMost(auth.asked.length - before, 10)
      // The wall clock does not matter.
      yield* TestClock.setTime(startMs - 3_600_000)
      yield* TestClock.adjust("2 seconds")
      auth.kids = ["three"]
      assert.strictEqual(yield* look("three"), true)
    }))

  it.effect("is requested once more if the request on its way is older than the key", () =>
    Effect.gen(function* () {
      const { auth, look } = yield* prepared
      yield* look("one")
      let open = () => {}
      auth.gate = new Promise((resolve) => open = resolve)
      const first = yield* Effect.forkChild(look("two"))
      yield* passing("1 seconds")
      auth.kids = ["one", "two"]
      const second = yield* Effect.forkChild(look("two"))
      yield* passing("1 seconds")
      open()
      yield* Fiber.join(first)
      assert.strictEqual(yield* Fiber.join(second), true)
    }))

  it.effect("is still read when its caller hangs up", () =>
    Effect.gen(function* () {
      const { auth, look } = yield* prepared
      let open = () => {}
      auth.gate = new Promise((resolve) => open = resolve)
      const first = yield* Effect.forkChild(look("one"))
      yield* passing("1 seconds")
      const second = yield* Effect.forkChild(look("one"))
      yield* passing("1 seconds")
      yield* Fiber.interrupt(first)
      open()
      assert.strictEqual(yield* Fiber.join(second), true)
      assert.strictEqual(auth.asked.length, 1)
    }))

  it.effect("shows how far auth's clock is off", () =>
    Effect.gen(function* () {
      const { auth, clocks, look } = yield* prepared
      auth.aheadMs = 130_000
      yield* look("one")
      assert.match((yield* clocks.wrong).get("auth")!, /^clock of auth is (129|130) s ahead$/)
    }))

  it.effect("does not exist if the address leads to something else", () =>
    Effect.gen(function* () {
      for (
        const answer of [
          () => new Response("no", { status: 500 }),
          () => new Response("<html>"),
          // Only the keys, as at /.well-known/jwks.json.
          () => Response.json({ keys: [] }),
          () => Response.json({ ...auths([]), keys: [{ kty: "OKP", crv: "Ed25519", x: "AA" }] }),
          () => Response.json(auths([{ kty: "OKP", crv: "Ed25519", x: "AA", kid: "short" }])),
        ]
      ) {
        const read = yield* readTrustOf(new URL("http://auth.test/")).pipe(
          Effect.provideService(Fetch, () => Promise.resolve(answer())),
        )
        const { fresh } = yield* makeTrust(read)
        assert.strictEqual((yield* Effect.flip(fresh)).status, 503, String(answer))
      }
    }))
})

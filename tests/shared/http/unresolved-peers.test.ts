/** A service whose name does not resolve is reported, with the setting for its address. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, References } from "effect"
import { TestClock } from "effect/testing"
import { makeApp } from "#shared/http/app.ts"
import { type Callee, Fetch, get } from "#shared/http/client.ts"
import { makeUnresolvedPeers, UnresolvedPeers } from "#shared/http/unresolved-peers.ts"
import { readTrustOf } from "#shared/security/trust-of-auth.ts"

const callee = (name: string): Callee => ({
  name,
  url: new URL(`http://${name}.invalid:9082`),
  timeoutMs: 5_000,
})

const world = Effect.gen(function* () {
  const peers = makeUnresolvedPeers()
  const logs: Array<string> = []
  const given = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(
      Effect.provideService(UnresolvedPeers, peers),
      Effect.provideService(References.MinimumLogLevel, "Info"),
      Effect.provide(Logger.layer([
        Logger.make(({ message, logLevel }) => {
          logs.push(`${logLevel} ${message}`)
        }),
      ])),
    )
  const { internal } = yield* given(
    makeApp({ name: "auth", description: "", routes: [], ready: {} }),
  )
  const readyz = Effect.promise(async () => {
    const answer = await internal.request("/readyz")
    const { checks } = await answer.json() as { checks: Readonly<Record<string, string>> }
    return [answer.status, checks] as const
  })
  return { given, logs, readyz }
})

const lost =
  "billing is not found at http://billing.invalid:9082: see that it runs, or set BILLING_URL to where it is"

describe("a service whose name does not resolve", () => {
  it.live("is named in one log line and in /readyz, which stays ready, until it answers", () =>
    Effect.gen(function* () {
      const { given, logs, readyz } = yield* world
      assert.deepStrictEqual(yield* readyz, [200, {}])
      for (let n = 0; n < 3; n++) yield* Effect.flip(given(get(callee("billing"), "/livez")))
      assert.deepStrictEqual(logs, [`Info ${lost}`])
      assert.deepStrictEqual(yield* readyz, [200, { addresses: lost }])
      const refusing = () => Promise.resolve(Response.json({}, { status: 503 }))
      yield* Effect.flip(
        given(get(callee("billing"), "/livez").pipe(Effect.provideService(Fetch, refusing))),
      )
      assert.strictEqual(logs[1], "Info billing is found at http://billing.invalid:9082")
      assert.deepStrictEqual(yield* readyz, [200, {}])
    }))

  it.effect("is a warning once, if it lasts longer than containers take to start together", () =>
    Effect.gen(function* () {
      const { given, logs } = yield* world
      const note = Effect.flatMap(
        UnresolvedPeers,
        ({ unresolved }) => unresolved(callee("billing")),
      )
      yield* given(note)
      yield* TestClock.adjust("29 seconds")
      yield* given(note)
      assert.deepStrictEqual(logs, [`Info ${lost}`])
      yield* TestClock.adjust("1 second")
      for (let n = 0; n < 2; n++) yield* given(note)
      assert.deepStrictEqual(logs, [`Info ${lost}`, `Warn ${lost}`])
    }))

  it.live("is named by the setting of the keys' address, where those are read from it", () =>
    Effect.gen(function* () {
      const { given, readyz } = yield* world
      const read = yield* given(readTrustOf(new URL("http://auth.invalid:9081/internal/jwks.json")))
      // In any context.
      yield* Effect.flip(
        read(undefined).pipe(Effect.provideService(References.MinimumLogLevel, "None")),
      )
      assert.deepStrictEqual(yield* readyz, [200, {
        addresses:
          "auth is not found at http://auth.invalid:9081: see that it runs, or set JWKS_URL to where it is",
      }])
    }))

  it.live("is not one that exists and refuses connections", () =>
    Effect.gen(function* () {
      const { given, logs, readyz } = yield* world
      const closed = { ...callee("items"), url: new URL("http://127.0.0.1:1") }
      yield* Effect.flip(given(get(closed, "/livez")))
      assert.deepStrictEqual([logs, yield* readyz], [[], [200, {}]])
    }))
})

/** Every bad token is refused, for any audience, and with any valid signature. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { exportJWK, generateKeyPair } from "jose"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Problem } from "#shared/http/problem.ts"
import {
  serviceTokenType,
  ServiceVerifier,
  serviceVerifierLayer,
} from "#shared/security/service-tokens.ts"
import { makeTrust } from "#shared/security/trust.ts"
import { accessTokenType, makeUserVerifier } from "#shared/security/user-tokens.ts"
import { auths } from "#tests/support/auths-answer.ts"
import { badTokens, claimsWith, type Good, noNames, signer } from "./bad-tokens.ts"

const nowSeconds = 1_800_000_000

const keyPairs = Effect.promise(async () => {
  const make = () => generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true })
  const [ours, strangers] = [await make(), await make()]
  const jwk = await exportJWK(ours.publicKey)
  return {
    privateKey: ours.privateKey,
    strangersKey: strangers.privateKey,
    jwk,
    x: jwk.x!,
  }
})

type Authorize = (request: Request) => Effect.Effect<unknown, Problem>

const shown = (authorize: Authorize, token: string) =>
  authorize(new Request("http://shop.test", { headers: { authorization: `Bearer ${token}` } }))

/** Checks that each is refused, and that the good one is accepted before and after. */
const assertRefused = Effect.fnUntraced(function* (
  authorize: Authorize,
  { header, claims, privateKey }: Good,
  tokens: Readonly<Record<string, string>>,
) {
  const good = yield* Effect.promise(() => signer(privateKey).json(header, claims))
  yield* shown(authorize, good)
  const first = yield* Effect.flip(shown(authorize, "garbage"))
  for (const [what, token] of Object.entries(tokens)) {
    const refused = yield* Effect.flip(shown(authorize, token)).pipe(
      Effect.mapError(() => new Error(`accepted: ${what}`)),
    )
    assert.deepStrictEqual(refused, first, what)
    assert.deepStrictEqual([refused.status, refused.code], [401, "unauthenticated"], what)
  }
  yield* shown(authorize, good)
})

/** Checks that these are accepted, which differ from the good one as much as allowed. */
const assertTaken = Effect.fnUntraced(function* (
  authorize: Authorize,
  { header, claims, privateKey }: Good,
  changes: ReadonlyArray<object>,
) {
  for (const change of changes) {
    const token = yield* Effect.promise(() =>
      signer(privateKey).json(header, { ...claims, ...change })
    )
    yield* Effect.mapError(
      shown(authorize, token),
      () => new Error(`refused: ${JSON.stringify(change)}`),
    )
  }
})

const session = "0b36ab1f-4a2b-4bd6-9d2a-0d1f6a3e7c11"
const endedSession = "5d5ff7a1-61f0-4be4-8ab1-6c7a5c0a9e22"

describe("an access token", () => {
  const prepared = Effect.gen(function* () {
    yield* TestClock.setTime(nowSeconds * 1000)
    const { privateKey, strangersKey, jwk, x } = yield* keyPairs
    const answer = auths([{ ...jwk, kid: "k1" }], {
      accessTokenSeconds: 600,
      endedSessions: [endedSession],
    })
    const trust = yield* makeTrust(() => Effect.succeed(answer))
    const { user } = makeUserVerifier(trust, { issuer: "unwind", audience: "unwind-api" })
    const good: Good = {
      header: { alg: "EdDSA", kid: "k1", typ: accessTokenType },
      claims: {
        iss: "unwind",
        aud: "unwind-api",
        sub: "ann",
        jti: crypto.randomUUID(),
        iat: nowSeconds,
        exp: nowSeconds + 600,
        sid: session,
      },
      privateKey,
      strangersKey,
      x,
      nowSeconds,
      longestSeconds: 600,
      otherType: "rt+jwt",
    }
    return { good, authorize: user.authorize }
  })

  it.effect("is refused unless it is exactly what auth makes", () =>
    Effect.gen(function* () {
      const { good, authorize } = yield* prepared
      const tokens = yield* Effect.promise(async () => ({
        ...await badTokens(good),
        ...await claimsWith(good, "sub", { ...noNames, "longer than a name": "a".repeat(151) }),
        ...await claimsWith(good, "jti", {
          ...noNames,
          "no UUID": "j",
          "of a refresh": `${session}.0`,
        }),
        ...await claimsWith(good, "sid", {
          ...noNames,
          "no UUID": "s",
          "in capitals": session.toUpperCase(),
          "in an array": [session],
          "that has ended": endedSession,
        }),
      }))
      assert.isAtLeast(Object.keys(tokens).length, 150)
      yield* assertRefused(authorize, good, tokens)
    }))

  it.effect("is accepted at the limits of its times, with any name and unknown claims", () =>
    Effect.gen(function* () {
      const { good, authorize } = yield* prepared
      yield* assertTaken(authorize, good, [
        { iat: nowSeconds - 604, exp: nowSeconds - 4 },
        { iat: nowSeconds + 300, exp: nowSeconds + 900 },
        { nbf: nowSeconds + 5 },
        { more: { of: ["it"] } },
        ...["a", "a".repeat(150), "zoë", "名前😀", "a b+c", "__proto__"].map((sub) => ({ sub })),
      ])
    }))
})

describe("a service's token", () => {
  const prepared = Effect.gen(function* () {
    yield* TestClock.setTime(nowSeconds * 1000)
    const { privateKey, strangersKey, jwk, x } = yield* keyPairs
    const folder = yield* Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), "unwind-test-tokens-"))),
      (folder) => Effect.promise(() => rm(folder, { recursive: true })),
    )
    const file = join(folder, "services.public.json")
    const keys = ["orchestrator", "items"].map((kid) => ({ ...jwk, kid, alg: "EdDSA" }))
    yield* Effect.promise(() => writeFile(file, JSON.stringify({ keys })))
    const { only } = Context.get(
      yield* Layer.build(serviceVerifierLayer("billing", file)),
      ServiceVerifier,
    )
    const good: Good = {
      header: { alg: "EdDSA", kid: "orchestrator", typ: serviceTokenType },
      claims: { iss: "orchestrator", aud: "billing", iat: nowSeconds, exp: nowSeconds + 30 },
      privateKey,
      strangersKey,
      x,
      nowSeconds,
      longestSeconds: 30,
      otherType: accessTokenType,
    }
    return { good, authorize: only("orchestrator").authorize }
  })

  it.effect("is refused unless it is exactly what a service makes", () =>
    Effect.gen(function* () {
      const { good, authorize } = yield* prepared
      const { json } = signer(good.privateKey)
      const tokens = yield* Effect.promise(async () => ({
        ...await badTokens(good),
        "in the name of another caller": await json(good.header, { ...good.claims, iss: "auth" }),
        "in the name of one that calls nobody": await json(
          { ...good.header, kid: "items" },
          { ...good.claims, iss: "items" },
        ),
        "under another's key": await json({ ...good.header, kid: "items" }, good.claims),
        "for another service": await json(good.header, { ...good.claims, aud: "slots" }),
      }))
      assert.isAtLeast(Object.keys(tokens).length, 120)
      yield* assertRefused(authorize, good, tokens)
    }))

  it.effect("is accepted from a clock that is five minutes off", () =>
    Effect.gen(function* () {
      const { good, authorize } = yield* prepared
      yield* assertTaken(authorize, good, [
        { iat: nowSeconds - 329, exp: nowSeconds - 299 },
        { iat: nowSeconds + 300, exp: nowSeconds + 330 },
        { nbf: nowSeconds + 300 },
      ])
    }))
})

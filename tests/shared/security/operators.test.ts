/**
 * What only operators may do: the console's own routes, and what it makes other services do for
 * them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { Problem, unauthenticated } from "#shared/http/problem.ts"
import { accessBy, guardedRoute } from "#shared/http/route.ts"
import type { Permission } from "#shared/security/permissions.ts"
import { ServiceVerifier } from "#shared/security/service-tokens.ts"
import { makeTrust } from "#shared/security/trust.ts"
import {
  accessTokenType,
  makeUserVerifier,
  operatorHeader,
  UserVerifier,
} from "#shared/security/user-tokens.ts"
import { auths } from "#tests/support/auths-answer.ts"

const options = { issuer: "unwind", audience: "unwind-api" }
const ended = "5d5ff7a1-61f0-4be4-8ab1-6c7a5c0a9e22"

const prepared = Effect.gen(function* () {
  const { privateKey, publicKey } = yield* Effect.promise(() => generateKeyPair("EdDSA"))
  const jwk = yield* Effect.promise(() => exportJWK(publicKey))
  const answer = auths([{ ...jwk, kid: "one" }], {
    accessTokenSeconds: 600,
    endedSessions: [ended],
  })
  const trust = yield* makeTrust(() => Effect.succeed(answer))
  const tokenOf = (claims: object) =>
    Effect.promise(async () => {
      const token = await new SignJWT({ sid: crypto.randomUUID(), ...claims })
        .setProtectedHeader({ alg: "EdDSA", kid: "one", typ: accessTokenType })
        .setSubject("ada").setJti(crypto.randomUUID())
        .setIssuer(options.issuer).setAudience(options.audience)
        .setIssuedAt().setExpirationTime("5 minutes").sign(privateKey)
      return `Bearer ${token}`
    })
  return { verifier: makeUserVerifier(trust, options), tokenOf }
})

/** Accepts every caller that names a service in the header, as if it had proved it. */
const services = ServiceVerifier.of({
  only: (...allowed) => ({
    scheme: "service",
    authorize: (request) => {
      const name = request.headers.get("authorization") ?? ""
      if (!/^[a-z]+$/.test(name)) return Effect.fail(unauthenticated("no service"))
      const caller = allowed.find((one) => one === name)
      return caller === undefined
        ? Effect.fail(new Problem({ status: 403, code: "forbidden", detail: "not you" }))
        : Effect.succeed(caller)
    },
  }),
})

/** The guard of a row of that kind: whether its routes are internal, and whom it lets in. */
const guardOf = (verifier: UserVerifier["Service"], permission: Permission) =>
  Effect.gen(function* () {
    const access = yield* accessBy(permission).pipe(
      Effect.provideService(UserVerifier, verifier),
      Effect.provideService(ServiceVerifier, services),
    )
    const { internal } = guardedRoute(access, {
      method: "POST",
      path: "/test",
      summary: "",
      answer: { status: 200, description: "" },
      handle: () => Effect.succeed(new Response()),
    })
    const asked = (headers: Record<string, string>) =>
      access.authorize(new Request("http://shop.test/test", { method: "POST", headers })).pipe(
        Effect.match({
          onSuccess: (caller) => (caller as { username: string }).username,
          onFailure: ({ status, code }) => `${status} ${code}`,
        }),
      )
    return { internal, asked }
  })

describe("an action of an operator", () => {
  it.live("needs the console's own token, and an operator's beside it", () =>
    Effect.gen(function* () {
      const { verifier, tokenOf } = yield* prepared
      const { internal, asked } = yield* guardOf(verifier, "operator")
      assert.isTrue(internal)
      const operator = yield* tokenOf({ role: "operator" })
      const user = yield* tokenOf({})
      const dead = yield* tokenOf({ role: "operator", sid: ended })
      const other = yield* tokenOf({ role: "admin" })
      const by = (authorization: string, handed?: string) =>
        asked({ authorization, ...(handed !== undefined && { [operatorHeader]: handed }) })
      assert.strictEqual(yield* by("console", operator), "ada")
      assert.strictEqual(yield* by("console", operator), "ada", "when it is known already")
      assert.strictEqual(yield* by("console"), "401 operator_unauthenticated")
      assert.strictEqual(yield* by("console", "Bearer x.y.z"), "401 operator_unauthenticated")
      assert.strictEqual(yield* by("console", dead), "401 operator_unauthenticated")
      assert.strictEqual(yield* by("console", other), "401 operator_unauthenticated")
      assert.strictEqual(yield* by("console", user), "403 operators_only")
      assert.strictEqual(yield* by("orchestrator", operator), "403 forbidden")
      assert.strictEqual(yield* by(operator, operator), "401 unauthenticated")
      assert.strictEqual(yield* asked({ [operatorHeader]: operator }), "401 unauthenticated")
    }).pipe(Effect.scoped))
})

describe("a route of the console", () => {
  it.live("lets in users with the role, and tells others that they lack it", () =>
    Effect.gen(function* () {
      const { verifier, tokenOf } = yield* prepared
      const { internal, asked } = yield* guardOf(verifier, "signed-in operator")
      assert.isFalse(internal)
      const operator = yield* tokenOf({ role: "operator" })
      assert.strictEqual(yield* asked({ authorization: operator }), "ada")
      assert.strictEqual(yield* asked({ authorization: yield* tokenOf({}) }), "403 operators_only")
      assert.strictEqual(yield* asked({}), "401 unauthenticated")
      assert.strictEqual(yield* asked({ [operatorHeader]: operator }), "401 unauthenticated")
      assert.strictEqual(yield* asked({ authorization: "console" }), "401 unauthenticated")
      const dead = yield* tokenOf({ role: "operator", sid: ended })
      assert.strictEqual(yield* asked({ authorization: dead }), "401 unauthenticated")
    }).pipe(Effect.scoped))
})

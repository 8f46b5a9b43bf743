/** The start, the readiness and the documented routes of auth, and its silence about secrets. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { TestClock } from "effect/testing"
import { auth } from "#services/auth/service.ts"
import { Fetch } from "#shared/http/client.ts"
import { startWithin } from "#shared/service/service.ts"
import { losesAnswers } from "./billing-double.ts"
import { ann, annsTokens, asTimePasses, logIn, signUp, startAuth, until } from "./running-auth.ts"

describe("the auth service", () => {
  it.effect("starts from its settings, and maintains its keys afterwards", () =>
    Effect.gen(function* () {
      const { environment, sql, billing } = yield* startAuth()
      yield* startWithin(auth, environment).pipe(
        Effect.provideService(Fetch, (url, init) => billing.fetch(new Request(url, init))),
      )
      yield* Effect.promise(() => sql`delete from signing_keys`)
      yield* TestClock.adjust("5 minutes")
      yield* until(async () => (await sql`select from signing_keys`).length === 1)
    }))

  it.effect("describes its routes in /openapi.json", () =>
    Effect.gen(function* () {
      const { body } = yield* (yield* startAuth()).call("/openapi.json")
      assert.deepStrictEqual(
        Object.entries<object>(body.paths).map(([path, methods]) =>
          `${Object.keys(methods)} ${path}`
        ),
        [
          "post /api/auth/users/",
          "get /api/auth/users/me/",
          "post /api/token/",
          "post /api/token/refresh/",
          "post /api/token/verify/",
          "get /.well-known/jwks.json",
          "get /internal/jwks.json",
          "post /api/auth/users/me/password/",
          "post /api/auth/users/me/delete/",
          "post /api/token/logout/",
          "get,delete /api/auth/sessions/",
          "delete /api/auth/sessions/{id}/",
          "post /internal/trail",
          "post /api/token/first-operator/",
        ],
      )
      const { properties, required, additionalProperties } = body.components.schemas.SignUp
      assert.sameMembers(Object.keys(properties), ["username", "password", "email"])
      assert.sameMembers(required, ["username", "password", "email"])
      assert.isFalse(additionalProperties)
      assert.includeMembers(
        Object.keys(body.paths["/api/token/"].post.responses),
        ["200", "400", "401", "413", "415", "429", "503"],
      )
    }))

  it.effect("is ready while its database answers", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { status, body } = yield* auth.call("/readyz")
      assert.deepStrictEqual([status, body.checks], [200, { database: "ok" }])
    }))

  it.effect("puts no secret into logs and answers, whatever goes wrong", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message, cause }) => {
      lines.push(JSON.stringify([message, cause]))
    })
    return Effect.gen(function* () {
      const auth = yield* startAuth({}, "Debug")
      const { access, refresh } = yield* annsTokens(auth)
      const answers = [
        yield* signUp(auth, { ...ann, username: "a b" }),
        yield* signUp(auth, { ...ann, email: 5 }),
        yield* logIn(auth, { ...ann, username: "bob" }),
        yield* auth.call("/api/token/verify/", { body: { token: `${access}x` } }),
      ]
      auth.billing.conduct = losesAnswers
      answers.push(yield* asTimePasses(signUp(auth, { ...ann, username: "cem" })))
      yield* Effect.promise(() => auth.sql`alter table users rename to lost`)
      answers.push(yield* logIn(auth), yield* signUp(auth, { ...ann, username: "dan" }))
      assert.deepStrictEqual(answers.map(({ status }) => status), [
        400,
        400,
        401,
        401,
        503,
        500,
        500,
      ])
      assert.isAbove(lines.length, 0)
      const shown = lines.join() + JSON.stringify(answers.map(({ body }) => body))
      for (const secret of [ann.password, access, refresh, "$argon2id"]) {
        assert.notInclude(shown, secret)
      }
      assert.notMatch(
        JSON.stringify(answers.map(({ body }) => body)),
        /select|relation|users"|at .*\.ts/,
      )
    }).pipe(Effect.provide(Logger.layer([logger])))
  })
})

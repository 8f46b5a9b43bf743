/** The audit trail: who did what, from where, when, and how it ended, but never a secret. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { TestClock } from "effect/testing"
import { decodeJwt } from "jose"
import { isDown } from "./billing-double.ts"
import {
  ann,
  annsTokens,
  asTimePasses,
  logIn,
  type Pair,
  type RunningAuth,
  signUp,
  startAuth,
  until,
} from "./running-auth.ts"

const here = { address: "198.51.100.7" }

interface Row {
  readonly event: string
  readonly outcome: string
  readonly reason: string | null
  readonly username: string | null
  readonly address: string | null
  readonly session: string | null
  readonly request: string | null
  readonly count: number
}

/** The rows, oldest first, once there are at least as many. */
const trail = ({ sql }: RunningAuth, atLeast: number) =>
  Effect.gen(function* () {
    const rows = () => sql<Array<Row & { at: Date }>>`select * from audit_trail order by at, event`
    yield* until(async () => (await rows()).length >= atLeast)
    return yield* Effect.promise(rows)
  })
const lines = (rows: ReadonlyArray<Row>) =>
  rows.map(({ event, outcome, reason, username, address }) =>
    [event, outcome, reason, username, address].map((word) => word ?? "-").join(" ")
  )
const tick = TestClock.adjust("1 second")

describe("the audit trail", () => {
  it.effect("has a row for each act of a user, and for each refusal", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const next = { password: ann.password, newPassword: "another horse battery" }
      const call = (path: string, body: unknown, token?: string) =>
        Effect.andThen(tick, auth.call(path, { body, ...here, ...(token && { token }) }))
      yield* call("/api/auth/users/", ann)
      yield* call("/api/auth/users/", ann)
      yield* call("/api/token/", { username: "ann", password: "a wrong guess" })
      yield* call("/api/token/", { username: ann.password, password: "ann" })
      const first = (yield* call("/api/token/", { username: "ann", password: ann.password }))
        .body as Pair
      const second = (yield* call("/api/token/refresh/", { refresh: first.refresh })).body as Pair
      yield* call("/api/auth/users/me/password/", { ...next, password: "wrong" }, second.access)
      const third = (yield* call("/api/auth/users/me/password/", next, second.access)).body as Pair
      yield* call("/api/token/refresh/", { refresh: first.refresh })
      yield* call("/api/token/logout/", { refresh: third.refresh })
      const rows = yield* trail(auth, 10)
      assert.deepStrictEqual(lines(rows), [
        "sign-up done - ann 198.51.100.7",
        "sign-up refused username_taken ann 198.51.100.7",
        "log-in refused wrong_credentials ann 198.51.100.7",
        // Some people type their password as their name, so an unknown name is not recorded.
        "log-in refused wrong_credentials - 198.51.100.7",
        "log-in done - ann 198.51.100.7",
        "refresh done - ann 198.51.100.7",
        "password-change refused wrong_password ann 198.51.100.7",
        "password-change done - ann 198.51.100.7",
        "refresh refused session_ended ann 198.51.100.7",
        "log-out done - ann 198.51.100.7",
      ])
      for (const n of [4, 5]) assert.strictEqual(rows[n]!.session, decodeJwt(first.access)["sid"])
      assert.strictEqual(rows[5]!.request, "test")
      assert.deepStrictEqual(rows.map(({ at }) => at.getTime() / 1000), [
        ...Array.from({ length: 10 }, (_, n) => n + 1),
      ])
    }))

  it.effect("distinguishes a stolen token, a throttled guess, a deletion and an outage", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth({ SESSIONS_PER_USER: "1" })
      const stolen = yield* annsTokens(auth)
      yield* auth.call("/api/token/refresh/", { body: { refresh: stolen.refresh } })
      yield* TestClock.adjust("11 seconds")
      yield* auth.call("/api/token/refresh/", { body: { refresh: stolen.refresh } })
      for (let n = 0; n < 11; n++) {
        yield* asTimePasses(logIn(auth, { ...ann, password: "wrong" }, here))
      }
      yield* TestClock.adjust("1 hour")
      yield* logIn(auth)
      const { access } = (yield* logIn(auth)).body as Pair
      yield* auth.call("/api/auth/sessions/", { method: "DELETE", token: access })
      const { access: token } = (yield* logIn(auth)).body as Pair
      yield* auth.call("/api/auth/users/me/delete/", { body: { password: ann.password }, token })
      auth.billing.conduct = isDown
      yield* asTimePasses(signUp(auth, { ...ann, username: "bob" }))
      const found = lines(yield* trail(auth, 21)).map((line) => line.replace(/ [^ ]*$/, ""))
      for (
        const line of [
          "refresh refused token_reused ann",
          "log-in refused too_many_attempts ann",
          "session-end done too_many_sessions ann",
          "log-out-everywhere done - ann",
          "deletion done - ann",
          "sign-up failed unavailable -",
        ]
      ) assert.include(found, line)
    }))

  it.effect("counts the events of a flood that it does not keep one by one", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      for (let n = 0; n < 60; n++) {
        yield* auth.call("/api/token/refresh/", { body: { refresh: "garbage" }, ...here })
      }
      yield* TestClock.adjust("1 minute")
      yield* auth.upkeep
      const rows = yield* trail(auth, 11)
      assert.strictEqual(rows.length, 11)
      const counted = rows.find(({ count }) => count > 1)!
      assert.deepStrictEqual([counted.count, counted.address, counted.request], [
        50,
        here.address,
        null,
      ])
    }))

  it.effect("is kept for as long as the setting says", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth({ AUDIT_TRAIL_RETENTION: "2 days" })
      yield* signUp(auth)
      yield* TestClock.adjust("1 day")
      yield* logIn(auth)
      yield* trail(auth, 2)
      yield* TestClock.adjust("1 day")
      yield* auth.upkeep
      assert.strictEqual((yield* trail(auth, 0)).length, 2)
      yield* TestClock.adjust(1)
      yield* auth.upkeep
      assert.deepStrictEqual((yield* trail(auth, 0)).map(({ event }) => event), ["log-in"])
    }))

  it.effect("does not stop log-ins while its table cannot be written, and logs the loss", () => {
    const logged: Array<string> = []
    const logger = Logger.make(({ message }) => {
      logged.push(JSON.stringify(message))
    })
    return Effect.gen(function* () {
      const auth = yield* startAuth({}, "Debug")
      yield* Effect.promise(() => auth.sql`alter table audit_trail rename to lost`)
      yield* annsTokens(auth)
      yield* until(() => logged.some((line) => line.includes("audit trail met a defect")))
      yield* Effect.promise(() => auth.sql`alter table lost rename to audit_trail`)
      yield* logIn(auth)
      yield* trail(auth, 1)
      assert.isTrue(logged.some((line) => line.includes("Audit trail") && line.includes("sign-up")))
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("contains no password or token, in table or log, whichever field they are sent in", () => {
    const logged: Array<string> = []
    const logger = Logger.make(({ message }) => {
      logged.push(JSON.stringify(message))
    })
    return Effect.gen(function* () {
      const auth = yield* startAuth({}, "Debug")
      const { access, refresh } = yield* annsTokens(auth)
      const secret = "my secret horse"
      yield* logIn(auth, { username: secret, password: "ann" })
      yield* signUp(auth, { ...ann, username: "mysecrethorse", password: ann.email })
      const bodies = { password: secret, newPassword: `${secret}!` }
      yield* auth.call("/api/auth/users/me/password/", { body: bodies, token: access })
      yield* auth.call("/api/token/refresh/", { body: { refresh: `${refresh}x` } })
      yield* auth.call("/api/token/logout/", { body: { refresh } })
      const rows = JSON.stringify(yield* trail(auth, 6)) + logged.join()
      for (const word of [secret, "mysecrethorse", ann.password, access, refresh, "$argon2id"]) {
        assert.notInclude(rows, word)
      }
    }).pipe(Effect.provide(Logger.layer([logger])))
  })
})

/** Operators: when the role gets into tokens and ends, and how their actions are recorded. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { decodeJwt } from "jose"
import { dirname, join } from "node:path"
import { operatorTable } from "#services/auth/operator-table.ts"
import { Database, databaseLayer } from "#shared/postgres/database.ts"
import { ServiceSigner, serviceSignerLayer } from "#shared/security/service-tokens.ts"
import { annsTokens, logIn, type RunningAuth, startAuth } from "./running-auth.ts"

const operators = <A>(
  { environment }: RunningAuth,
  run: (table: ReturnType<typeof operatorTable>) => Effect.Effect<A>,
) =>
  Effect.gen(function* () {
    const now = new Date(yield* Clock.currentTimeMillis)
    const { transaction } = yield* Database
    return yield* transaction((sql) => run(operatorTable(sql, now)))
  }).pipe(
    Effect.provide(databaseLayer({
      service: "auth",
      url: new URL(environment["DATABASE_URL"]!),
      poolSize: 2,
      migrations: join(import.meta.dirname, "../../../services/auth/migrations"),
    })),
  )

const roleOf = (access: string) => decodeJwt(access)["role"]
const pairOf = ({ body }: { readonly body: unknown }) => body as { access: string; refresh: string }

describe("the role of an operator", () => {
  it.effect("comes with the next refresh and log-in, and is in no token before", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { access, refresh } = yield* annsTokens(auth)
      assert.isUndefined(roleOf(access))
      assert.strictEqual(yield* operators(auth, ({ grant }) => grant("ann")), "granted")
      assert.strictEqual(yield* operators(auth, ({ grant }) => grant("ann")), "granted before")
      const next = pairOf(yield* auth.call("/api/token/refresh/", { body: { refresh } }))
      assert.strictEqual(roleOf(next.access), "operator")
      // The repeated answer to a refresh whose first answer was lost.
      const again = pairOf(yield* auth.call("/api/token/refresh/", { body: { refresh } }))
      assert.strictEqual(roleOf(again.access), "operator")
      assert.strictEqual(roleOf(pairOf(yield* logIn(auth)).access), "operator")
    }))

  it.effect("ends together with all sessions of the user, and other services learn of it", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* annsTokens(auth)
      yield* operators(auth, ({ grant }) => grant("ann"))
      const { access, refresh } = pairOf(yield* logIn(auth))
      assert.strictEqual(yield* operators(auth, ({ revoke }) => revoke("ann")), "revoked")
      assert.strictEqual(yield* operators(auth, ({ revoke }) => revoke("ann")), "no operator")
      assert.strictEqual((yield* auth.call("/api/auth/users/me/", { token: access })).status, 401)
      const refused = yield* auth.call("/api/token/refresh/", { body: { refresh } })
      assert.strictEqual(refused.status, 401)
      const { body } = yield* auth.call("/internal/jwks.json")
      assert.include((body as { endedSessions: string[] }).endedSessions, decodeJwt(access)["sid"])
      assert.isUndefined(roleOf(pairOf(yield* logIn(auth)).access))
      const kept = yield* Effect.promise(() =>
        auth.sql`select event from audit_trail where event like 'operator-%' order by event`
      )
      assert.deepStrictEqual(kept.map(({ event }) => event), ["operator-grant", "operator-revoke"])
    }))

  it.effect("is for active users only, not for pending sign-ups or closed accounts", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* annsTokens(auth)
      assert.strictEqual(yield* operators(auth, ({ grant }) => grant("nobody")), "unknown")
      assert.strictEqual(yield* operators(auth, ({ revoke }) => revoke("nobody")), "unknown")
      yield* Effect.promise(() => auth.sql`update users set active = false`)
      assert.strictEqual(yield* operators(auth, ({ grant }) => grant("ann")), "unknown")
      yield* Effect.promise(() => auth.sql`update users set active = true, closed_at = now()`)
      assert.strictEqual(yield* operators(auth, ({ grant }) => grant("ann")), "unknown")
      assert.deepStrictEqual(yield* operators(auth, ({ list }) => list), [])
    }))

  it.effect("ends when its user deletes the account", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* annsTokens(auth)
      yield* operators(auth, ({ grant }) => grant("ann"))
      const listed = yield* operators(auth, ({ list }) => list)
      assert.deepStrictEqual(listed.map(({ username }) => username), ["ann"])
      const { access: token } = pairOf(yield* logIn(auth))
      const body = { password: "correct horse battery" }
      const closed = yield* auth.call("/api/auth/users/me/delete/", { token, body })
      assert.strictEqual(closed.status, 202)
      const [row] = yield* Effect.promise(() => auth.sql`select operator_since from users`)
      assert.isNull(row?.["operator_since"])
    }))
})

describe("the trail of what operators do", () => {
  const action = {
    id: "0b36ab1f-4a2b-4bd6-9d2a-0d1f6a3e7c11",
    username: "ada",
    action: "order-cancel",
    target: "0193",
    reason: "the customer called",
    outcome: "begun",
    address: "198.51.100.7",
  }
  const prepared = Effect.gen(function* () {
    const auth = yield* startAuth()
    const folder = dirname(auth.environment["SERVICE_PRIVATE_KEY"]!)
    const token = yield* Effect.flatMap(ServiceSigner, ({ tokenFor }) => tokenFor("auth")).pipe(
      Effect.provide(serviceSignerLayer("console", join(folder, "console.private.json"))),
    )
    const keep = (change: object = {}) =>
      auth.call("/internal/trail", { token, body: { ...action, ...change } })
    const kept = Effect.promise(() =>
      auth.sql`
        select username, event, target, why, outcome, reason, address, request,
          ended_at is not null as "hasEnded" from audit_trail where target is not null`
    )
    return { keep, kept }
  })

  it.effect("has one entry for each action: stored before it is done, with the first outcome", () =>
    Effect.gen(function* () {
      const { keep, kept } = yield* prepared
      const entry = {
        username: "ada",
        event: "order-cancel",
        target: "0193",
        why: "the customer called",
        address: "198.51.100.7",
        request: "test",
      }
      assert.strictEqual((yield* keep()).status, 204)
      assert.deepStrictEqual([...(yield* kept)], [
        { ...entry, outcome: "begun", reason: null, hasEnded: false },
      ])
      assert.strictEqual((yield* keep()).status, 204)
      assert.strictEqual((yield* keep({ outcome: "refused", code: "too_late" })).status, 204)
      assert.strictEqual((yield* keep({ outcome: "done" })).status, 204)
      assert.strictEqual((yield* keep()).status, 204)
      assert.deepStrictEqual([...(yield* kept)], [
        { ...entry, outcome: "refused", reason: "too_late", hasEnded: true },
      ])
    }))

  it.effect("accepts an end without a beginning, but no other action under the same id", () =>
    Effect.gen(function* () {
      const { keep, kept } = yield* prepared
      assert.strictEqual((yield* keep({ outcome: "done" })).status, 204)
      for (
        const change of [{ username: "eve" }, { action: "audit-heal" }, { reason: "x" }, {
          target: "1",
        }]
      ) {
        const refused = yield* keep(change)
        const { code } = refused.body as { code: string }
        assert.deepStrictEqual([refused.status, code], [409, "action_differs"])
      }
      assert.deepStrictEqual((yield* kept).map(({ outcome }) => outcome), ["done"])
    }))

  it.effect("refuses an unreadable entry: an empty reason or control characters", () =>
    Effect.gen(function* () {
      const { keep, kept } = yield* prepared
      const wrong = [
        { reason: "" },
        { reason: "a".repeat(501) },
        { reason: "two\nlines" },
        { reason: "\u001b[31m" },
        { reason: "\ud800" },
        { username: "" },
        { action: "Cancel it" },
        { outcome: "maybe" },
        { code: "NO" },
        { id: "1" },
        { target: "" },
        { more: 1 },
      ]
      for (const change of wrong) {
        assert.strictEqual((yield* keep(change)).status, 400, JSON.stringify(change))
      }
      assert.strictEqual((yield* keep({ reason: "a".repeat(500) })).status, 204)
      assert.strictEqual((yield* kept).length, 1)
    }))
})

/**
 * Sign-ups over HTTP, with a real database and failures between auth and billing. No failure leaves
 * anything that prevents a later sign-up or log-in.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { answers, holdsBack, isDown, losesAnswers } from "./billing-double.ts"
import {
  ann,
  asTimePasses,
  logIn,
  type RunningAuth,
  signUp,
  startAuth,
  until,
} from "./running-auth.ts"

const users = ({ sql }: RunningAuth) =>
  Effect.promise(() =>
    sql<Array<{ username: string; active: boolean; email: string }>>`
      select username, active, email from users order by username collate "C"`.then((
      rows,
    ) => [...rows])
  )
const other = { ...ann, password: "quite another secret", email: "other@example.org" }

describe("POST /api/auth/users/", () => {
  it.effect("makes a user with an account who can log in", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { status, body } = yield* signUp(auth)
      assert.deepStrictEqual([status, body], [201, { username: "ann", email: ann.email }])
      assert.deepStrictEqual(auth.billing.accounts.get("ann"), { email: ann.email, wallet: 100 })
      assert.strictEqual((yield* logIn(auth)).status, 200)
    }))

  it.effect("answers with and without a trailing slash", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { status } = yield* auth.call("/api/auth/users", { body: ann })
      assert.strictEqual(status, 201)
    }))

  it.effect("refuses a taken username, and leaves its user unchanged", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* signUp(auth)
      const { status, body } = yield* signUp(auth, other)
      assert.deepStrictEqual([status, body.code], [409, "username_taken"])
      assert.strictEqual(auth.billing.accounts.get("ann")?.email, ann.email)
      assert.strictEqual((yield* logIn(auth)).status, 200)
      assert.strictEqual((yield* logIn(auth, other)).status, 401)
    }))

  it.effect("treats names that differ in their normal form only as the same name", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { body } = yield* signUp(auth, { ...ann, username: "Ａｎｎé" })
      assert.strictEqual(body.username, "Ann\u00e9")
      for (const username of ["Anne\u0301", "Ann\u00e9", "Ａnné"]) {
        assert.strictEqual((yield* signUp(auth, { ...ann, username })).status, 409, username)
        assert.strictEqual((yield* logIn(auth, { ...ann, username })).status, 200, username)
      }
    }))

  it.effect("answers 503 while billing is down, and accepts the same data later", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      auth.billing.conduct = isDown
      const { status, body, headers } = yield* asTimePasses(signUp(auth))
      assert.deepStrictEqual([status, body.code], [503, "service_unavailable"])
      assert.isNotNull(headers.get("retry-after"))
      assert.isAbove(auth.billing.calls, 1)
      assert.strictEqual((yield* logIn(auth)).status, 401)
      auth.billing.conduct = answers
      assert.strictEqual((yield* signUp(auth)).status, 201)
      assert.strictEqual((yield* logIn(auth)).status, 200)
    }))

  it.effect("survives a short outage of billing within the request", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      auth.billing.conduct = (open) => auth.billing.calls < 3 ? isDown(open) : answers(open)
      assert.strictEqual((yield* asTimePasses(signUp(auth))).status, 201)
    }))

  it.effect("gives up while billing hangs, and works later", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      auth.billing.conduct = () => new Promise(() => {})
      assert.strictEqual((yield* asTimePasses(signUp(auth))).status, 503)
      auth.billing.conduct = answers
      assert.strictEqual((yield* signUp(auth)).status, 201)
    }))

  it.effect("makes no user when billing's answer is lost, until the sign-up is repeated", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      auth.billing.conduct = losesAnswers
      assert.strictEqual((yield* asTimePasses(signUp(auth))).status, 503)
      assert.isTrue(auth.billing.accounts.has("ann"))
      assert.strictEqual((yield* logIn(auth)).status, 401)
      auth.billing.conduct = answers
      assert.strictEqual((yield* signUp(auth, other)).status, 201)
      assert.strictEqual((yield* logIn(auth, other)).status, 200)
      assert.deepStrictEqual(auth.billing.accounts.get("ann"), { email: other.email, wallet: 100 })
    }))

  it.effect("is completed by another replica when one is killed during the call to billing", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const replica = yield* auth.replica
      const { conduct, held } = holdsBack()
      auth.billing.conduct = conduct
      const dying = yield* Effect.forkChild(signUp(auth))
      yield* until(() => held.length === 1)
      assert.deepStrictEqual(yield* users(auth), [
        { username: "ann", active: false, email: ann.email },
      ])
      yield* Fiber.interrupt(dying)
      auth.billing.conduct = answers
      assert.strictEqual((yield* signUp(replica, other)).status, 201)
      // The call of the dead replica arrives after all.
      held[0]!()
      yield* until(() => auth.billing.accounts.get("ann")?.email === other.email)
      assert.strictEqual((yield* logIn(replica, other)).status, 200)
      assert.strictEqual((yield* logIn(replica)).status, 401)
    }))

  it.effect("gives a name to one of two simultaneous sign-ups, with its password", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { conduct, held } = holdsBack()
      auth.billing.conduct = conduct
      const first = yield* Effect.forkChild(signUp(auth))
      yield* until(() => held.length === 1)
      const second = yield* Effect.forkChild(signUp(auth, other))
      yield* until(() => held.length === 2)
      // Billing gets the second one's address first, and the first one's last.
      held[1]!()
      const { status } = yield* Fiber.join(second)
      assert.strictEqual(status, 201)
      auth.billing.conduct = answers
      held[0]!()
      const loser = yield* Fiber.join(first)
      assert.deepStrictEqual([loser.status, loser.body.code], [409, "username_taken"])
      assert.strictEqual((yield* logIn(auth, other)).status, 200)
      assert.strictEqual((yield* logIn(auth)).status, 401)
      assert.strictEqual(auth.billing.accounts.get("ann")?.email, other.email)
    }))

  it.effect("gives a name to one of many simultaneous sign-ups", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const replica = yield* auth.replica
      const rivals = Array.from({ length: 12 }, (_, n) => ({
        username: "ann",
        password: `secret of rival ${n}`,
        email: `rival${n}@example.org`,
      }))
      const outcomes = yield* Effect.forEach(
        rivals,
        (rival, n) => signUp(n % 2 ? auth : replica, rival),
        { concurrency: "unbounded" },
      )
      const winners = rivals.filter((_, n) => outcomes[n]?.status === 201)
      assert.strictEqual(winners.length, 1)
      assert.strictEqual(outcomes.filter(({ status }) => status === 409).length, 11)
      assert.strictEqual((yield* logIn(auth, winners[0])).status, 200)
      assert.strictEqual(auth.billing.accounts.get("ann")?.email, winners[0]?.email)
      assert.strictEqual(auth.billing.accounts.get("ann")?.wallet, 100)
    }))

  it.effect("deletes a sign-up that was abandoned a day ago, but no user", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* signUp(auth)
      auth.billing.conduct = isDown
      yield* asTimePasses(signUp(auth, { ...ann, username: "bob" }))
      yield* auth.upkeep
      assert.deepStrictEqual((yield* users(auth)).map((user) => user.username), ["ann", "bob"])
      yield* TestClock.adjust("1 day")
      yield* auth.upkeep
      assert.deepStrictEqual((yield* users(auth)).map((user) => user.username), ["ann"])
    }))

  it.effect("keeps no password, only an argon2id hash of the advised strength", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* signUp(auth)
      const [row] = yield* Effect.promise(() => auth.sql`select * from users`)
      assert.match(row?.password_hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
      const tables = yield* Effect.promise(() =>
        auth.sql`select tablename as name from pg_tables where schemaname = 'public'`
      )
      assert.isAtLeast(tables.length, 2)
      for (const { name } of tables) {
        const rows = yield* Effect.promise(() => auth.sql`select * from ${auth.sql(name)}`)
        assert.notInclude(JSON.stringify(rows), ann.password, name)
      }
    }))
})

/**
 * A signing key that is removed in an emergency, and sessions that have ended: their tokens are
 * soon refused everywhere.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { decodeJwt, decodeProtectedHeader } from "jose"
import { replaceSigningKeys } from "#services/auth/replace-keys.ts"
import { Environment } from "#shared/config/settings.ts"
import { trustedForMs } from "#shared/security/trust.ts"
import { storedKeys } from "./forge.ts"
import {
  annsTokens,
  endSession,
  logIn,
  type Pair,
  type RunningAuth,
  startAuth,
} from "./running-auth.ts"
import { until } from "#tests/services/orders/until.ts"
import { serviceThatReads } from "./service-that-reads.ts"

const command = ({ environment }: RunningAuth) =>
  Effect.provideService(replaceSigningKeys, Environment, environment)

const statusAt = ({ call }: RunningAuth, token: string) =>
  Effect.map(call("/api/auth/users/me/", { token }), ({ status }) => status)

describe("a signing key that is removed", () => {
  const ways = [
    ["by the command", (auth: RunningAuth) => Effect.asVoid(command(auth))],
    [
      "by hand",
      ({ sql }: RunningAuth) => Effect.asVoid(Effect.promise(() => sql`delete from signing_keys`)),
    ],
  ] as const
  for (const [how, remove] of ways) {
    it.effect(`${how} is trusted nowhere after 30 seconds; a new one signs at once`, () =>
      Effect.gen(function* () {
        const auth = yield* startAuth()
        const replica = yield* auth.replica
        const service = yield* serviceThatReads(replica)
        const old = yield* annsTokens(auth)
        // All have verified the token, and remember it.
        for (const one of [auth, replica]) assert.strictEqual(yield* statusAt(one, old.access), 200)
        assert.strictEqual(yield* service(old), "ann")

        yield* remove(auth)
        yield* TestClock.adjust("1001 millis")
        // The other replica signs with the new key too, without the usual wait of an hour.
        for (const one of [auth, replica]) {
          const pair = (yield* logIn(one)).body as Pair
          assert.notStrictEqual(
            decodeProtectedHeader(pair.access).kid,
            decodeProtectedHeader(old.access).kid,
          )
          assert.strictEqual(yield* service(pair), "ann")
          for (const other of [auth, replica]) {
            assert.strictEqual(yield* statusAt(other, pair.access), 200)
          }
        }
        yield* TestClock.adjust(trustedForMs)
        for (const one of [auth, replica]) {
          assert.strictEqual(yield* statusAt(one, old.access), 401)
          const { status } = yield* one.call("/api/token/refresh/", {
            body: { refresh: old.refresh },
          })
          assert.strictEqual(status, 401)
        }
        assert.strictEqual((yield* Effect.flip(service(old))).status, 401)
        assert.strictEqual((yield* storedKeys(auth)).length, 1)
      }))
  }

  it.effect("by the command is recorded in the audit trail", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* command(auth)
      assert.deepStrictEqual(
        [...yield* Effect.promise(() => auth.sql`select event, outcome from audit_trail`)],
        [{ event: "key-rotation", outcome: "done" }],
      )
    }))

  it.effect("is replaced as the signer by the previous key, if there is one", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const [first] = yield* storedKeys(auth)
      yield* TestClock.adjust("30 days")
      yield* auth.upkeep
      yield* TestClock.adjust("1 hour")
      const [, second] = yield* storedKeys(auth)
      const stolen = yield* annsTokens(auth)
      assert.strictEqual(decodeProtectedHeader(stolen.access).kid, second!.kid)
      yield* Effect.promise(() => auth.sql`delete from signing_keys where kid = ${second!.kid}`)
      yield* TestClock.adjust("2 seconds")
      const { access } = (yield* logIn(auth)).body as Pair
      assert.strictEqual(decodeProtectedHeader(access).kid, first!.kid)
      assert.strictEqual(yield* statusAt(auth, access), 200)
      assert.strictEqual(yield* statusAt(auth, stolen.access), 401)
    }))

  it.effect("can be replaced even when the secret that encrypted it is lost", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const [before] = yield* storedKeys(auth)
      const settings = {
        SIGNING_KEYS_SECRET: Buffer.alloc(32, 7).toString("base64url"),
        SIGNING_KEYS_SECRET_FILE: "",
      }
      assert.match(
        ((yield* Effect.flip(auth.restarted(settings))) as { message: string }).message,
        /--rotate/,
      )
      const { made, removed } = yield* Effect.provideService(replaceSigningKeys, Environment, {
        ...auth.environment,
        ...settings,
      })
      assert.deepStrictEqual(removed, [before!.kid])
      const again = yield* auth.restarted(settings)
      const { access } = yield* annsTokens(again)
      assert.strictEqual(decodeProtectedHeader(access).kid, made)
    }))
})

describe("a session that has ended", () => {
  it.effect("is announced until all services know, in any sequence of commits", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const read = (after?: string) =>
        Effect.map(
          auth.call(`/internal/jwks.json${after === undefined ? "" : `?after=${after}`}`),
          ({ status, headers, body }) => {
            assert.strictEqual(status, 200)
            assert.strictEqual(headers.get("cache-control"), "no-store")
            return body as { endedSessions: Array<string>; position: string }
          },
        )
      const [early, late, restored] = [1, 2, 3].map(() => crypto.randomUUID()) as [
        string,
        string,
        string,
      ]
      // The session that ends first is committed last.
      let commit = () => {}
      const held = new Promise<void>((resolve) => commit = resolve)
      let begun = () => {}
      const inside = new Promise<void>((resolve) => begun = resolve)
      const ending = auth.sql.begin(async (sql) => {
        await sql`insert into ended_sessions values (${early}, now(), now() + interval '1 hour')`
        begun()
        await held
      })
      yield* Effect.promise(() => inside)
      yield* endSession(auth, late)
      const first = yield* read()
      assert.deepStrictEqual(first.endedSessions, [late])
      commit()
      yield* Effect.promise(() => ending)
      const second = yield* read(first.position)
      assert.sameMembers(second.endedSessions, [early, late])
      // Positions belong to the server: while another of its databases has an older transaction,
      // the ends are announced again.
      let { position } = second
      yield* until(
        "the ends are not announced any more",
        Effect.map(Effect.suspend(() => read(position)), (next) => {
          position = next.position
          return next.endedSessions.length === 0
        }),
      )
      // The position of a database that was ahead of this one.
      yield* endSession(auth, restored)
      const all = yield* read("9000000000000000000")
      assert.sameMembers(all.endedSessions, [early, late, restored])
      for (const wrong of ["-1", "x", "1e3", "99999999999999999999999", "0;drop table users"]) {
        const { status } = yield* auth.call(
          `/internal/jwks.json?after=${encodeURIComponent(wrong)}`,
        )
        assert.strictEqual(status, 400, wrong)
      }
    }))

  it.effect("ends its access tokens everywhere in 30 seconds, and is forgotten later", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const service = yield* serviceThatReads(auth)
      const pair = yield* annsTokens(auth)
      const other = (yield* logIn(auth)).body as Pair
      assert.strictEqual(yield* service(pair), "ann")
      yield* endSession(auth, decodeJwt<{ sid: string }>(pair.access).sid)
      yield* TestClock.adjust(trustedForMs)
      assert.strictEqual((yield* Effect.flip(service(pair))).status, 401)
      assert.strictEqual(yield* service(other), "ann")
      const ended = Effect.promise(() => auth.sql`select from ended_sessions`)
      yield* auth.upkeep
      assert.strictEqual((yield* ended).length, 1)
      yield* TestClock.adjust("10 minutes")
      yield* auth.upkeep
      assert.strictEqual((yield* ended).length, 0)
    }))
})

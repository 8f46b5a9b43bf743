/** Slots fills its calendar once, at its first start. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Sql } from "postgres"
import { reserve } from "../../shared/reservations/participant.ts"
import { startParticipant } from "../../shared/reservations/running-participant.ts"

const calendar = (sql: Sql) =>
  Effect.promise(async () =>
    (await sql`select time, capacity from slots order by time`)
      .map(({ time, capacity }) => [time, Number(capacity)] as const)
  )

const tenSlots = (capacity: number) =>
  Array.from({ length: 10 }, (_, n) => [`0${n}:00`, capacity] as const)

describe("slots", () => {
  it.live("fills its calendar at the first start: 00:00 to 09:00, a hundred deliveries each", () =>
    Effect.gen(function* () {
      const { sql } = yield* startParticipant("slots")
      assert.deepStrictEqual(yield* calendar(sql), tenSlots(100))
    }))

  it.live("takes the capacity from its setting, including 0", () =>
    Effect.gen(function* () {
      const { sql } = yield* startParticipant("slots", { environment: { SLOT_CAPACITY: "0" } })
      assert.deepStrictEqual(yield* calendar(sql), tenSlots(0))
    }))

  it.live("fills its calendar once when five replicas start at the same time", () =>
    Effect.gen(function* () {
      const { sql, replica } = yield* startParticipant("slots")
      yield* Effect.promise(() => sql.unsafe("drop schema public cascade; create schema public"))
      yield* Effect.all(Array.from({ length: 5 }, () => replica()), { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* calendar(sql), tenSlots(100))
    }))

  it.live("changes nothing at later starts, whatever was reserved, removed or set", () =>
    Effect.gen(function* () {
      const { sql, replica, call, token } = yield* startParticipant("slots")
      const body = { commands: [reserve(1, "09:00", 30)] }
      yield* call("/internal/reservations", { token: yield* token("orchestrator"), body })
      yield* Effect.promise(() => sql`delete from slots where time = '00:00'`)
      const before = yield* calendar(sql)
      assert.deepStrictEqual([before.length, before.at(-1)], [9, ["09:00", 70]])
      yield* replica({ SLOT_CAPACITY: "5" })
      assert.deepStrictEqual(yield* calendar(sql), before)
    }))
})

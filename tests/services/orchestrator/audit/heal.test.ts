/**
 * Healing gives back once what is held for failed and unknown orders, and leaves other findings to
 * people.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect } from "effect"
import { heal } from "#services/orchestrator/audit/heal.ts"
import { Records } from "#services/orchestrator/audit/records.ts"
import { Fetch } from "#shared/http/client.ts"
import { losesAnswers, startSystem, type System, works } from "../running-system.ts"
import { type Auditing, named, startAudit } from "./auditing.ts"
import { putBack, settings, startKept } from "./restored.ts"

const names = ["billing", "items", "slots"] as const

/** Every row of the three participants as text, without instants. */
const rowsOf = ({ sql }: System) =>
  Effect.promise(() =>
    Promise.all(names.map(async (name) => {
      const table = name === "billing" ? "accounts" : name
      const [resources, records] = await Promise.all([
        sql[name].unsafe(`select * from ${table} order by 1`),
        sql[name]`select order_id, outcome, resource, quantity from reservations order by order_id`,
      ])
      return JSON.stringify([resources, records])
    }))
  )

/** Heals, and returns the findings that are left. */
const healing = ({ fetch }: System, { everything, records }: Auditing) =>
  Effect.gen(function* () {
    const { findings } = yield* everything
    yield* heal(findings).pipe(
      Effect.provide(Context.make(Records, records)),
      Effect.provideService(Fetch, fetch),
    )
    return named((yield* everything).findings)
  })

describe("heal", () => {
  it.live(
    "gives back what a restored participant holds again, and nothing the second time",
    () =>
      Effect.gen(function* () {
        const { leftover, missing, system, user } = yield* startKept
        const auditing = yield* startAudit(system, settings.ORDER_DEADLINE)
        const balances = yield* system.left(user)
        yield* putBack(system, "billing")
        const left = yield* healing(system, auditing)
        const unhealed = missing.map((id) => ["missing", "billing", id])
        assert.deepStrictEqual(left, unhealed.sort((a, b) => `${a}` < `${b}` ? -1 : 1))
        // The failed order has its 7 back. The orders that were completed later took 0.50 each,
        // which is missing from the books.
        const [wallet, ...others] = yield* system.left(user)
        assert.strictEqual(wallet, balances[0] + 50 * missing.length)
        assert.deepStrictEqual(others, balances.slice(1))
        const [record] = yield* Effect.promise(() =>
          system.sql.billing`select outcome from reservations where order_id = ${leftover}`
        )
        assert.strictEqual(record!.outcome, "cancelled")
        const rows = yield* rowsOf(system)
        assert.deepStrictEqual(yield* healing(system, auditing), left)
        assert.deepStrictEqual(yield* rowsOf(system), rows)
      }),
  )

  it.live("gives back orphans once, last step first, even when answers are lost", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      const auditing = yield* startAudit(system)
      const orphan = crypto.randomUUID() as string
      const user = yield* system.customer
      const taken = { billing: [user, 300], items: ["1", 1], slots: ["09:00", 1] } as const
      const asked: Array<string> = []
      for (const name of names) {
        const [resource, quantity] = taken[name]
        const [table, key, balance] = {
          billing: ["accounts", "username", "wallet"],
          items: ["items", "id", "stock"],
          slots: ["slots", "time", "capacity"],
        }[name]
        yield* Effect.promise(() =>
          system.sql[name].unsafe(
            `insert into reservations (order_id, outcome, resource, quantity, recorded_at)
             values ('${orphan}', 'reserved', '${resource}', ${quantity}, now() - interval '1 day');
             update ${table} set ${balance} = ${balance} - ${quantity} where ${key} = '${resource}'`,
          )
        )
        let lost = 0
        system.conduct[name] = (answer, request) => {
          if (request.method !== "POST") return works(answer, request)
          asked.push(name)
          return (lost++ < 2 ? losesAnswers : works)(answer, request)
        }
      }
      assert.strictEqual((yield* auditing.everything).findings.length, 3)
      assert.deepStrictEqual(yield* healing(system, auditing), [])
      assert.deepStrictEqual(asked, ["slots", "items", "billing"].flatMap((n) => [n, n, n]))
      assert.deepStrictEqual(yield* system.left(user), [10_000, 100, 100])
      assert.deepStrictEqual(yield* healing(system, auditing), [])
      assert.deepStrictEqual(yield* system.left(user), [10_000, 100, 100])
    }))

  it.live("sends nothing when there is nothing to heal", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      const auditing = yield* startAudit(system)
      const user = yield* system.customer
      yield* Effect.promise(() => system.sql.items`update items set stock = 7 where id = '2'`)
      const rows = yield* rowsOf(system)
      let sent = 0
      for (const name of names) {
        system.conduct[name] = (answer, request) => {
          if (request.method !== "GET") sent++
          return works(answer, request)
        }
      }
      assert.deepStrictEqual(yield* healing(system, auditing), [["imbalance", "items", "2"]])
      assert.strictEqual(sent, 0)
      assert.deepStrictEqual(yield* rowsOf(system), rows)
      assert.deepStrictEqual(yield* system.left(user), [10_000, 100, 100])
    }))
})

/** The audit over HTTP, with the orchestrator's own key, as in its container. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { listen } from "#shared/http/listen.ts"
import { startSystem, type System } from "#tests/services/orchestrator/running-system.ts"
import { freePort } from "#tests/support/free-port.ts"
import { jsonOf, runAudit } from "./audit-process.ts"

const names = ["billing", "items", "slots", "orders"] as const

/** Serves each service on a port of its own, and returns the settings that name the ports. */
const served = (system: System) =>
  Effect.gen(function* () {
    const urls: Record<string, string> = {}
    for (const name of names) {
      const fetch = (request: Request) => {
        const { pathname, search } = new URL(request.url)
        return system.fetch(`http://${name}.test${pathname}${search}`, request)
      }
      const port = yield* listen({ fetch }, { host: "127.0.0.1", port: 0 })
      urls[`${name.toUpperCase()}_URL`] = `http://127.0.0.1:${port}`
    }
    return { ...urls, SERVICE_PRIVATE_KEY: system.orders.environment.SERVICE_PRIVATE_KEY! }
  })

describe("npm run audit over HTTP", () => {
  it.live(
    "finds and heals on both runtimes, and continues without a service that does not answer",
    () =>
      Effect.gen(function* () {
        const system = yield* startSystem()
        yield* system.orchestrate()
        const user = yield* system.customer
        const { id: good } = yield* system.order(user)
        const { id: bad } = yield* system.order(user, { slot: "23:00" })
        for (const id of [good, bad]) yield* system.final(user, id)
        const environment: Record<string, string> = yield* served(system)
        const run = (runtime: "node" | "deno", ...flags: ReadonlyArray<string>) =>
          Effect.promise(() => runAudit(runtime, environment, "--json", ...flags))
        const sound = yield* run("node")
        assert.deepStrictEqual([sound.code, sound.errors, jsonOf(sound).findings], [0, "", []])

        yield* Effect.promise(() =>
          system.sql.items.unsafe(
            `update reservations set outcome = 'reserved' where order_id = '${bad}';
          update items set stock = stock - 1 where id = '1'`,
          )
        )
        const found = yield* run("deno")
        assert.deepStrictEqual([found.code, jsonOf(found).findings], [1, [
          `leftover items ${bad} false`,
        ]])
        const healed = yield* run("node", "--heal")
        assert.deepStrictEqual([healed.code, jsonOf(healed).findings], [0, [
          `leftover items ${bad} true`,
        ]])
        assert.deepStrictEqual((yield* run("deno", "--heal")).code, 0)
        assert.deepStrictEqual(yield* system.left(user), [8001, 99, 99])

        const away: string = `http://127.0.0.1:${yield* Effect.promise(freePort)}`
        yield* Effect.promise(() =>
          system.sql.items.unsafe(
            `update reservations set outcome = 'reserved' where order_id = '${bad}';
          update items set stock = stock - 1 where id = '1'`,
          )
        )
        const without = (...names: ReadonlyArray<string>) => {
          const settings = Object.fromEntries(names.map((name) => [`${name}_URL`, away]))
          return (runtime: "node" | "deno", ...flags: ReadonlyArray<string>) =>
            Effect.promise(() => runAudit(runtime, { ...environment, ...settings }, ...flags))
        }
        const noSlots = yield* without("SLOTS")("node", "--json", "--heal")
        assert.deepStrictEqual([noSlots.code, noSlots.errors, jsonOf(noSlots).findings], [1, "", [
          `leftover items ${bad} false`,
        ]])
        const { sums } = jsonOf(noSlots)
        assert.match(sums.missing[0].cause, /^slots cannot be reached \(.*\): check that it runs /)
        assert.deepStrictEqual([sums.missing.length, sums.missing[0].part], [1, "slots"])
        assert.deepStrictEqual([sums.allHeld, sums.inQuestion, sums.resources], [1, 1, 11])
        const ordersAlone = yield* without("BILLING", "ITEMS", "SLOTS")("node")
        assert.match(
          ordersAlone.output,
          /^Orders {4}2: [^]*\nMissing [^]*\n {2}items: [^]*\n {2}slots: /,
        )
        assert.strictEqual(ordersAlone.code, 2)
        const nobody = yield* without("BILLING", "ITEMS", "SLOTS", "ORDERS")("node")
        assert.match(nobody.errors, /^Cannot audit: billing: billing cannot be reached /)
        assert.deepStrictEqual([nobody.code, nobody.output], [2, ""])
        assert.deepStrictEqual((yield* run("node", "--heal")).code, 0)
      }),
  )
})

/** The audit over HTTP, with the orchestrator's own key, as in its container. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { freePort } from "#compose/embedded/free-port.ts"
import { listen } from "#shared/http/listen.ts"
import { startSystem, type System } from "#tests/services/orchestrator/running-system.ts"
import { jsonOf, runAudit } from "./audit-process.ts"

const names = ["billing", "items", "slots", "orders"] as const

/** The services behind ports of their own; the settings that name them. */
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
    "finds and heals, on both runtimes, and says when a service does not answer",
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

        environment.SLOTS_URL = `http://127.0.0.1:${yield* freePort}`
        const away = yield* run("node")
        assert.match(
          away.errors,
          /^Can not audit: slots cannot be reached \(.*\): see that it runs [^\n]*\n$/,
        )
        assert.deepStrictEqual([away.code, away.output], [2, ""])
      }),
  )
})

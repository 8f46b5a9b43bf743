/**
 * The services as processes of their own, over HTTP and a real Redis: what containers run, on both
 * runtimes.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import postgres from "postgres"
import type { FaultsShown } from "#shared/contracts/console-faults.ts"
import type { OrderView } from "#shared/contracts/order-state.ts"
import type { ServiceName } from "#shared/roster.ts"
import { until } from "#tests/support/customer.ts"
import { patienceMs, underLoad } from "#tests/support/patience.ts"
import { type SeparateServices, startSeparateServices } from "#tests/support/separate-services.ts"

describe.each(["node", "deno"] as const)("processes of their own on %s", (runtime) => {
  let system: SeparateServices
  let authorization: string
  beforeAll(async () => {
    system = await startSeparateServices(runtime, { FAULTS: "1" })
    const user = { username: "ada", password: "a long enough secret" }
    const created = await send("/api/auth/users/", { ...user, email: "ada@example.com" })
    expect(created.status).toBe(201)
    const { access } = await (await send("/api/token/", user)).json() as { access: string }
    authorization = `Bearer ${access}`
  })
  afterAll(() => system?.close())

  const send = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    system.fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    })
  const place = async (amount: number, item: number, slot: string) => {
    const response = await send("/api/orders/", { amount, item, slot }, {
      authorization,
      prefer: "wait=20",
    })
    expect(response.status).toBe(201)
    return await response.json() as OrderView
  }
  const wallet = async () => {
    const response = await system.fetch("/api/accounts/ada", { headers: { authorization } })
    return (await response.json() as { wallet: number }).wallet
  }

  it.each([
    [5, 1, "19:00", "failed", "Can not get the delivery slot", 100],
    [5, 15, "09:00", "failed", "Can not reserve the item", 100],
    [110, 2, "09:00", "failed", "Not enough money", 100],
    [60, 1, "09:00", "completed", null, 40],
  ])(
    "finish the order of %d for item %d in slot %s: %s, %s",
    async (amount, item, slot, status, reason, left) => {
      expect(await place(amount, item, slot)).toMatchObject({ status, reason })
      expect(await wallet()).toBe(left)
    },
  )

  it("finish an order although the orchestrator is killed and restarts", async () => {
    await system.end("orchestrator", "SIGKILL")
    const response = await send("/api/orders/", { amount: 1, item: 2, slot: "08:00" }, {
      authorization,
    })
    const order = await response.json() as OrderView
    expect(order.status).toBe("pending")
    await system.start("orchestrator")
    expect(await place(1, 2, "08:00")).toMatchObject({ status: "completed" })
    const later = await system.fetch(`/api/orders/${order.id}`, { headers: { authorization } })
    expect(await later.json()).toMatchObject({ status: "completed" })
  })

  it("lose no order while an operator drops answers and kills the orchestrator", async () => {
    const user = { username: "olga", password: "a long enough secret" }
    await send("/api/auth/users/", { ...user, email: "olga@example.com" })
    const sql = postgres(system.databaseUrl("auth"), { max: 1 })
    await sql`update users set operator_since = now() where username = ${user.username}`
    await sql.end()
    const { access } = await (await send("/api/token/", user)).json() as { access: string }
    const operator = { authorization: `Bearer ${access}` }
    const has = async (path: string, body: object) =>
      (await send(`/api/console/${path}`, { ...body, reason: "to see" }, operator)).status
    expect(await has("faults/items", { dropPercent: 100, seconds: 3_600 })).toBe(200)
    const response = await send("/api/orders/", { amount: 1, item: 3, slot: "07:00" }, {
      authorization,
    })
    const { id } = await response.json() as OrderView
    await until("an answer is dropped", patienceMs, async () => {
      const shown = await system.fetch("/api/console/faults", { headers: operator })
      const { services } = await shown.json() as FaultsShown
      return services.some(({ faults }) => faults !== null && faults.met.dropped > 0)
    })
    const ended = system.ended("orchestrator")
    expect(await has("orchestrator/kill", {})).toBe(202)
    expect(await ended).toBe(137)
    expect(await has("faults/items", {})).toBe(200)
    await system.start("orchestrator")
    await until("the order is completed", patienceMs, async () => {
      const later = await system.fetch(`/api/orders/${id}`, { headers: { authorization } })
      return (await later.json() as OrderView).status === "completed"
    })
    expect(system.output("items")).toContain("An operator set faults here")
  })

  it.each<ServiceName>(["orchestrator", "orders", "auth", "billing", "items", "slots"])(
    "stop %s cleanly on SIGTERM within ten seconds",
    async (name) => {
      const startedAt = performance.now()
      expect(await system.end(name, "SIGTERM")).toBe(0)
      expect(performance.now() - startedAt).toBeLessThan(underLoad(10_000))
    },
  )
})

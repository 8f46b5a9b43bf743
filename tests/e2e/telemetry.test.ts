/**
 * What a running system reports about itself: the trace of an order from its POST to its end, and
 * its metrics.
 */
import { randomUUID } from "node:crypto"
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { newCustomer, until, type Wish } from "#tests/support/customer.ts"
import { type EmbeddedProcess, startEmbedded } from "#tests/support/embedded-process.ts"
import { type Span, startCollector } from "#tests/support/otlp-collector.ts"
import { patienceMs } from "#tests/support/patience.ts"

const root = join(import.meta.dirname, "../..")

/** The names of all metrics in the sources. */
const namesInSources = globSync("{services,shared}/**/*.ts", { cwd: root }).flatMap((file) =>
  [
    ...readFileSync(join(root, file), "utf8").matchAll(
      /(?:Metric\.(?:counter|gauge|histogram)|\bgauge)\(\s*"([a-z_]+)"/g,
    ),
  ].map(([, name]) => name!)
)

type Collector = Awaited<ReturnType<typeof startCollector>>

let folder: string
let collector: Collector
let atStart: string
const orders: Record<"completed" | "failed", string> = { completed: "", failed: "" }

/** Reads the counts of orders as the operator that the printed address signs in. */
const lookAsOperator = async ({ baseUrl, output }: EmbeddedProcess) => {
  const token = /sign-in=(\S+)/.exec(output())![1]
  const signedIn = await fetch(`${baseUrl}/api/token/first-operator/`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  })
  const { access } = await signedIn.json() as { readonly access: string }
  const headers = { authorization: `Bearer ${access}` }
  for (let n = 0; n < 2; n++) {
    const seen = await fetch(`${baseUrl}/api/console/orders?limit=1`, { headers })
    expect(seen.status).toBe(200)
  }
}

/** Places one order, and waits until it is final. */
const place = async (
  customer: Awaited<ReturnType<typeof newCustomer>>,
  baseUrl: string,
  wish: Wish,
) => {
  const response = await customer.post(baseUrl, wish, randomUUID())
  expect(response.status).toBe(201)
  const { id } = await response.json() as { id: string }
  await until("the order is final", patienceMs, async () => {
    const { success } = await customer.order(baseUrl, id)
    return success !== null
  })
  return id
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "unwind-telemetry-"))
  collector = await startCollector()
  const system = await startEmbedded({
    DATA_DIR: folder,
    QUEUE_URL: "memory:",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  })
  try {
    atStart = await (await fetch(`${system.internalUrl}/metrics`)).text()
    const customer = await newCustomer(() => system.baseUrl)
    // Before its first token, a service reads auth's keys, in the trace of the token's request.
    await place(customer, system.baseUrl, { amount: 1, item: 1, slot: "09:00" })
    orders.completed = await place(customer, system.baseUrl, { amount: 1, item: 1, slot: "09:00" })
    orders.failed = await place(customer, system.baseUrl, { amount: 1, item: 1, slot: "19:00" })
    await lookAsOperator(system)
    await Promise.all(
      Array.from(
        { length: 40 },
        (_, n) => place(customer, system.baseUrl, { amount: 1, item: 1 + n % 10, slot: "08:00" }),
      ),
    )
  } finally {
    // It sends the rest when it stops.
    await system.end("SIGTERM")
  }
})
afterAll(() => {
  collector.close()
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
})

interface Tree {
  readonly [name: string]: Tree
}

const childrenOf = (spans: ReadonlyArray<Span>, id: string | undefined) =>
  spans.filter(({ parentSpanId }) => parentSpanId === id)

/** The tree of a trace; the same name twice under one parent is a fault. */
const treeOf = (spans: ReadonlyArray<Span>, id?: string): Tree => {
  const children = childrenOf(spans, id)
  expect(new Set(children.map(({ name }) => name)).size).toBe(children.length)
  return Object.fromEntries(children.map(({ name, spanId }) => [name, treeOf(spans, spanId)]))
}

const traceOf = (orderId: string): ReadonlyArray<Span> => {
  const post = collector.spans.find(({ name, attributes }) =>
    name === "POST /api/orders/" && attributes["order.id"] === orderId
  )
  return collector.spans.filter(({ traceId }) => traceId === post?.traceId)
}

const reservations = (participant: string) => ({
  [`${participant} for orders`]: {
    [`POST ${participant}`]: { "POST /internal/reservations": { "apply commands": {} } },
  },
})
const decision = {
  "orders for orders": { "POST orders": { "POST /internal/decisions": { decide: {} } } },
}

describe("the trace of an order", () => {
  it("leads from the POST through the queue to each participant's transaction and the decision", () => {
    expect(treeOf(traceOf(orders.completed))).toEqual({
      "POST /api/orders/": {
        "insert orders": {},
        "publish orders": {},
        "order saga": {
          "reserve money": reservations("billing"),
          "reserve item": reservations("items"),
          "reserve slot": reservations("slots"),
          complete: decision,
        },
      },
    })
  })

  it("has the compensations, and the decisions before and after them", () => {
    expect(treeOf(traceOf(orders.failed))).toEqual({
      "POST /api/orders/": {
        "insert orders": {},
        "publish orders": {},
        "order saga": {
          "reserve money": reservations("billing"),
          "reserve item": reservations("items"),
          "reserve slot": reservations("slots"),
          abort: decision,
          "cancel item": reservations("items"),
          "cancel money": reservations("billing"),
          settle: decision,
        },
      },
    })
  })

  it("leads from the console to the services that it calls for an operator", () => {
    const looks = collector.spans.filter(({ name }) => name === "GET /api/console/orders")
    // By the second request, the keys are known.
    const { traceId } = looks.at(-1)!
    expect(treeOf(collector.spans.filter((span) => span.traceId === traceId))).toEqual({
      "GET /api/console/orders": { "GET orders": { "GET /internal/order-search": {} } },
    })
  })

  it("has the order, the step, its outcome, the attempts and the batch's size", () => {
    const id = orders.failed
    const named = (name: string) => traceOf(id).find((span) => span.name === name)?.attributes
    expect(named("reserve slot")).toEqual({
      "order.id": id,
      "saga.step": "slot",
      "saga.action": "reserve",
      "saga.participant": "slots",
      "saga.outcome": "rejected",
      "saga.attempts": 1,
      "batch.size": 1,
    })
    expect(named("abort")).toMatchObject({
      "saga.outcome": "compensating",
      "order.reason": "Can not get the delivery slot",
    })
    expect(named("apply commands")).toEqual({ "batch.size": 1, "order.id": id })
    expect(named("order saga")).toMatchObject({
      "order.id": id,
      "saga.end": "failed",
      "order.reason": "Can not get the delivery slot",
    })
  })

  it("is linked, in both directions, with the requests that it shares with others", () => {
    const shared = collector.spans.filter(({ name, attributes }) =>
      name === "billing for orders" && Number(attributes["batch.size"]) > 1
    )
    expect(shared.length).toBeGreaterThan(0)
    for (const { traceId, spanId, parentSpanId, links, attributes } of shared) {
      expect(parentSpanId).toBeUndefined()
      expect(links.length).toBeLessThanOrEqual(Number(attributes["batch.size"]))
      const steps = links.map((link) =>
        collector.spans.find((one) => one.spanId === link.spanId && one.traceId === link.traceId)
      )
      for (const step of steps) {
        expect(step?.name).toBe("reserve money")
        expect(step?.links).toContainEqual(expect.objectContaining({ traceId, spanId }))
      }
      // The transaction is in the trace of the shared request.
      expect(treeOf(collector.spans.filter((one) => one.traceId === traceId)))
        .toEqual(reservations("billing"))
    }
  })
})

describe("the metrics", () => {
  it("all exist from the start", () => {
    const missing = namesInSources.filter((name) => !atStart.includes(`# TYPE ${name} `))
    expect(namesInSources.length).toBeGreaterThan(20)
    expect(missing).toEqual([])
    for (const status of ["404", "405", "500"]) expect(atStart).toContain(`status="${status}"`)
  })

  it("are exported under the same names, by each process separately", () => {
    expect([...collector.paths].sort()).toEqual(["/v1/metrics", "/v1/traces"])
    expect(namesInSources.filter((name) => !collector.metrics.has(name))).toEqual([])
    // Prometheus appends "_ratio" to a gauge without a unit.
    const gauges = [...collector.metrics.values()].filter(({ gauge }) => gauge !== undefined)
    expect(gauges.filter(({ unit }) => unit === "1")).toEqual([])
    expect([...collector.resources]).toContain("service.instance.id")
  })
})

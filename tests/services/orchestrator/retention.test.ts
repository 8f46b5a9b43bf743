/** Retention in the orchestrator: when and how far participants forget, and what it spares. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Logger, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Audit, type Audited, type AuditRange } from "#services/orchestrator/audit/audit.ts"
import type { Finding } from "#services/orchestrator/audit/finding.ts"
import { retentionLayer } from "#services/orchestrator/retention.ts"
import { firstIdAt, OrderId } from "#shared/contracts/order.ts"
import { participantNames } from "#shared/contracts/order-saga.ts"
import type { ForgetRequest } from "#shared/contracts/retention.ts"
import { Fetch } from "#shared/http/client.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import { Unreached } from "#services/orchestrator/audit/records.ts"
import { forEachParticipant } from "#tests/support/saga-rows.ts"

const startMs = Date.UTC(2026, 5, 1)
const order = (n: number) => OrderId.make(firstIdAt(n).replace(/0{12}$/, "000000000001"))

const part: Audited = {
  findings: [],
  allHeld: 0,
  noneHeld: 0,
  inFlight: 0,
  inQuestion: 0,
  resources: 0,
  downTo: undefined,
}

const found = (orderId: OrderId | null): Finding => ({
  kind: "stuck",
  orderId,
  participant: null,
  resource: null,
  ageMs: 0,
  cause: "",
  remedy: "",
  heal: null,
})

/** The retention over a scripted audit and scripted participants. */
const start = (
  options: { readonly retention?: Duration.Input; readonly deadline?: Duration.Input } = {},
) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(startMs)
    const script = {
      parts: [part] as ReadonlyArray<Audited>,
      auditFails: false,
      /** How many records each participant has left to forget, or undefined when it is down. */
      left: forEachParticipant(() => 0) as Record<string, number | undefined>,
    }
    const ranges: Array<AuditRange> = []
    const requests: Array<readonly [string, ForgetRequest, string | null]> = []
    const logs: Array<string> = []
    const audit = Audit.of({
      orders: (range) => {
        ranges.push(range)
        return script.auditFails
          ? Stream.fail(
            new Unreached({
              service: "orders",
              message: "orders answered 503",
              isMisconfigured: false,
            }),
          )
          : Stream.fromIterable(script.parts)
      },
      books: Stream.empty,
    })
    const fetch = async (request: Request): Promise<Response> => {
      const { hostname, pathname } = new URL(request.url)
      assert.strictEqual(pathname, "/internal/forget")
      requests.push([hostname, await request.json(), request.headers.get("authorization")])
      const left = script.left[hostname]
      if (left === undefined) return new Response("", { status: 503 })
      const forgotten = Math.min(left, 1_000)
      script.left[hostname] = left - forgotten
      return Response.json({ forgotten })
    }
    const url = (name: string) => new URL(`http://${name}`)
    const { retention = "30 days", deadline = "2 minutes" } = options
    yield* Layer.build(
      retentionLayer({
        urls: { ...forEachParticipant(url), orders: url("orders") },
        retention: Duration.fromInputUnsafe(retention),
        deadline: Duration.fromInputUnsafe(deadline),
      }).pipe(
        Layer.provide(Layer.succeed(Audit, audit)),
        Layer.provide(Layer.succeed(ServiceSigner, {
          tokenFor: (callee) => Effect.succeed(`token-for-${callee}`),
        })),
      ),
    ).pipe(
      Effect.provideService(Fetch, (url, init) => fetch(new Request(url, init))),
      Effect.provide(Logger.layer([
        Logger.make(({ message }) => {
          logs.push([message].flat().join(" "))
        }),
      ])),
    )
    /** Lets time pass, and everything run that is ready then. */
    const pass = (time: Duration.Input) =>
      Effect.andThen(
        TestClock.adjust(time),
        Effect.promise(async () => {
          for (let turn = 0; turn < 50; turn++) await new Promise((next) => setTimeout(next))
        }),
      )
    return Object.assign(script, { ranges, requests, logs, pass })
  })

const bound = (days: number) => firstIdAt(startMs + 60_000 - Duration.toMillis(Duration.days(days)))

describe("the retention", () => {
  it.effect("audits orders older than RETENTION and a day, and then lets all participants forget them", () =>
    Effect.gen(function* () {
      const world = yield* start()
      assert.deepStrictEqual(world.ranges, [])
      yield* world.pass("1 minute")
      const request = { before: bound(31), except: [] }
      assert.deepStrictEqual(world.ranges, [{ before: bound(31) }])
      assert.deepStrictEqual(
        world.requests,
        participantNames.map((name) => [name, request, `Bearer token-for-${name}`]),
      )
      assert.deepStrictEqual(world.logs, [])
    }))

  it.effect("runs about every hour", () =>
    Effect.gen(function* () {
      const world = yield* start()
      yield* world.pass("1 minute")
      for (let n = 1; n < 3; n++) {
        yield* world.pass("47 minutes")
        assert.strictEqual(world.ranges.length, n)
        for (let minute = 47; world.ranges.length === n; minute++) {
          assert.isBelow(minute, 73)
          yield* world.pass("1 minute")
        }
        assert.strictEqual(world.ranges.length, n + 1)
      }
    }))

  it.effect("calls a participant again while it has more than one request forgets", () =>
    Effect.gen(function* () {
      const world = yield* start()
      world.left = { ...world.left, billing: 2_500, items: 1_000 }
      yield* world.pass("1 minute")
      assert.deepStrictEqual(
        world.requests.map(([name]) => name).sort(),
        [...participantNames, "billing", "billing", "items"].sort(),
      )
    }))

  it.effect("spares orders in question, and logs their number", () =>
    Effect.gen(function* () {
      const world = yield* start()
      world.parts = [
        { ...part, findings: [found(order(9)), found(order(9)), found(null)] },
        { ...part, findings: [found(order(4)), found(order(2))] },
      ]
      yield* world.pass("1 minute")
      assert.deepStrictEqual(world.requests[0]![1].except, [order(9), order(4), order(2)])
      assert.match(world.logs.join(), /^3 orders older than RETENTION are kept: /)
    }))

  it.effect("goes only as far as it can spare all orders in question", () =>
    Effect.gen(function* () {
      const world = yield* start()
      const orders = Array.from({ length: 2_500 }, (_, n) => order(2_500 - n))
      world.parts = [orders.slice(0, 10), orders.slice(10, 1_200), orders.slice(1_200)]
        .map((ids) => ({ ...part, findings: ids.map(found) }))
      yield* world.pass("1 minute")
      const [, { before, except }] = world.requests[0]!
      assert.strictEqual(before, order(1_001))
      assert.deepStrictEqual(except, orders.slice(-1_000))
      world.parts = [{ ...part, findings: orders.slice(-1_000).map(found) }]
      yield* world.pass("75 minutes")
      assert.isTrue(world.requests.at(-1)![1].before > order(2_500))
      assert.deepStrictEqual(world.requests.at(-1)![1].except, orders.slice(-1_000))
    }))

  it.effect("keeps orders that may still be in flight under a long deadline", () =>
    Effect.gen(function* () {
      const world = yield* start({ retention: "1 day", deadline: "10 days" })
      yield* world.pass("1 minute")
      assert.deepStrictEqual(world.ranges, [{ before: bound(11) }])
    }))

  it.effect("forgets nothing while the audit is unsure of an old order", () =>
    Effect.gen(function* () {
      const world = yield* start()
      world.parts = [part, { ...part, inFlight: 1 }]
      yield* world.pass("1 minute")
      assert.deepStrictEqual(world.requests, [])
      assert.deepStrictEqual(world.logs, [
        "Old orders will be forgotten later: the audit is not sure of 1 old orders",
      ])
      world.parts = [part]
      yield* world.pass("75 minutes")
      assert.strictEqual(world.requests.length, participantNames.length)
    }))

  it.effect("forgets nothing unaudited, and continues when all services answer again", () =>
    Effect.gen(function* () {
      const world = yield* start()
      world.auditFails = true
      yield* world.pass("1 minute")
      assert.deepStrictEqual(world.requests, [])
      assert.deepStrictEqual(world.logs, [
        "Old orders will be forgotten later: orders answered 503",
      ])
      world.auditFails = false
      world.left["items"] = undefined
      yield* world.pass("75 minutes")
      assert.deepStrictEqual(world.requests.map(([name]) => name), [...participantNames])
      assert.deepStrictEqual(world.logs.slice(1), [
        "Old orders will be forgotten later: items answered 503",
      ])
      world.left["items"] = 0
      yield* world.pass("75 minutes")
      const again = world.requests.slice(participantNames.length).map(([name]) => name)
      assert.deepStrictEqual(again, [...participantNames])
    }))

  it.effect("logs what is wrong with an answer, and lets the other participants forget", () =>
    Effect.gen(function* () {
      const world = yield* start()
      world.left = { ...world.left, billing: NaN, items: 1_500 }
      yield* world.pass("1 minute")
      assert.deepStrictEqual(world.left["items"], 0)
      assert.deepStrictEqual(world.logs, [
        "Old orders will be forgotten later: billing answered forgotten as null: expected number " +
        "(docs/protocol.md#retention)",
      ])
    }))
})

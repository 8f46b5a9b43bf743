/**
 * A participant that obeys commands but breaks the protocol in its answers, over a real network.
 * The messages say what is wrong, no order is lost or carried out twice, other orders do not wait,
 * and all orders go on when the answers are right again.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { Outcome } from "#shared/contracts/reservation.ts"
import { nodeFetch } from "#shared/http/node-fetch.ts"
import { until } from "#tests/services/orders/until.ts"
import { asConsole } from "./as-console.ts"
import { readinessOf, redisOf, startSystem, type System, works } from "./running-system.ts"

/** What is sent in place of the right outcomes: JSON, or a raw text. */
type Manner = (right: ReadonlyArray<Outcome>) => unknown

const each = (change: (right: Outcome) => object): Manner => (right) => ({
  outcomes: right.map(change),
})
const rightly = each((right) => right)

/**
 * Each with the message for an answer about three orders, and for one about a single order, unless
 * that answer is right.
 */
const manners: ReadonlyArray<readonly [manner: Manner, ofThree: string, ofOne?: string]> = [
  [(right) => ({ outcomes: right.toReversed() }), "in another sequence than it was asked"],
  [
    (right) => ({ outcomes: right.map(() => right[0]) }),
    "twice for an order, and not for another one",
  ],
  [(right) => ({ outcomes: right.slice(0, 1) }), "1 outcome to 3 commands"],
  [
    (right) => ({ outcomes: [...right, right[0]] }),
    "4 outcomes to 3 commands",
    "2 outcomes to 1 command",
  ],
  ...([
    [
      each((right) => ({ ...right, orderId: crypto.randomUUID() })),
      "for an order that it was not asked about in this request",
    ],
    [
      each((right) => ({ ...right, outcome: "ok" })),
      'outcomes.0.outcome as "ok": expected "reserved" | "rejected" | "cancelled" | "mismatch"',
    ],
    [(results) => ({ results }), "without outcomes"],
    [() => "<html>It works!</html>", "with something other than JSON"],
    [() => "", "with an empty body"],
  ] as const satisfies ReadonlyArray<readonly [Manner, string]>).map(([manner, message]) =>
    [manner, message, message] as const
  ),
]

/** A server before the real items. The test sets in which manner it answers. */
const standIn = (system: System): Effect.Effect<{ manner: Manner }, never, Scope.Scope> =>
  Effect.gen(function* () {
    const state = { manner: rightly }
    const asking = new Map<string, () => Promise<Response>>()
    const server = yield* Effect.acquireRelease(
      Effect.promise(async () => {
        const server = createServer(async (request, response) => {
          const answer = await asking.get(String(request.headers["x-request-id"]))!()
          const { outcomes } = await answer.json()
          const sent = state.manner(outcomes)
          response.setHeader("content-type", "application/json")
          response.end(typeof sent === "string" ? sent : JSON.stringify(sent))
        }).listen(0, "127.0.0.1")
        await once(server, "listening")
        return server
      }),
      (server) => Effect.promise(async () => void await server[Symbol.asyncDispose]()),
    )
    const { port } = server.address() as AddressInfo
    system.conduct.items = async (answer, request) => {
      const { pathname } = new URL(request.url)
      const isAsked = request.method === "POST" && pathname === "/internal/reservations"
      if (!isAsked) return works(answer, request)
      asking.set(request.headers.get("x-request-id")!, answer)
      return await nodeFetch(`http://127.0.0.1:${port}${pathname}`, {
        method: "POST",
        headers: Object.fromEntries(request.headers),
        body: await request.clone().text(),
        signal: request.signal,
      }) as Response
    }
    return state
  })

describe("a participant that breaks the protocol", () => {
  it.live("is named with its mistake, loses no order, holds up no other, and is retried", () =>
    Effect.gen(function* () {
      const system = yield* startSystem({ REPUBLISH_AFTER: "1 hour" })
      const items = yield* standIn(system)
      const ask = yield* asConsole(system)
      const user = yield* system.customer
      const before = yield* system.left(user)
      const causeOf = (mistake: string) => `items answered ${mistake} (docs/protocol.md#the-answer)`
      for (const [manner, ofThree, ofOne] of manners) {
        items.manner = manner
        // Orders that are placed before an orchestrator starts are one wave, and one request.
        const placed = yield* Effect.replicateEffect(system.order(user, { amount: 1 }), 3)
        const poor = yield* system.order(user, { amount: 1_000 })
        const orchestrator = yield* system.orchestrate()
        yield* until(
          `the log says: ${ofThree}`,
          () => orchestrator.logs.some((line) => line.includes(JSON.stringify(causeOf(ofThree)))),
        )
        const { status, services } = yield* readinessOf(orchestrator)
        assert.strictEqual(status, 503)
        assert.match(services, /^items answered .*\(docs\/protocol\.md#the-answer\)$/)
        assert.strictEqual((yield* system.final(user, poor.id)).reason, "Not enough money")
        if (ofOne !== undefined) {
          yield* until(
            `all orders wait for the same cause: ${ofOne}`,
            Effect.map(
              ask(orchestrator, "/internal/stuck"),
              ({ body: { groups: [one] } }) =>
                one?.cause === causeOf(ofOne) && one.count === placed.length,
            ),
          )
          items.manner = rightly
        }
        for (const { id } of placed) {
          assert.strictEqual((yield* system.final(user, id)).status, "completed", ofThree)
        }
        yield* orchestrator.stop
      }
      const taken = 3 * manners.length
      const after = yield* system.left(user)
      assert.deepStrictEqual(after, [
        before[0] - 100 * taken,
        before[1] - taken,
        before[2] - taken,
      ])
      assert.deepStrictEqual(yield* (yield* redisOf(system)).deadLetters, [])
    }))

  it.live("has undone an order only when it answers that the order is cancelled", () =>
    Effect.gen(function* () {
      const system = yield* startSystem({ REPUBLISH_AFTER: "1 hour" })
      const items = yield* standIn(system)
      const user = yield* system.customer
      const before = yield* system.left(user)
      // Slots rejects, and items returns a wrong answer to the cancel.
      system.conduct.slots = async (_, request) => {
        const { commands } = await request.clone().json()
        const rejected = (commands as ReadonlyArray<{ readonly orderId: string }>)
          .map(({ orderId }) => ({ orderId, outcome: "rejected" }))
        return Response.json({ outcomes: rejected })
      }
      items.manner = each(({ orderId, outcome }) => ({
        orderId,
        outcome: outcome === "cancelled" ? "rejected" : outcome,
      }))
      const { id } = yield* system.order(user, { amount: 1 })
      yield* system.orchestrate()
      yield* until(
        "the order is stuck",
        Effect.map(
          system.look(user, id),
          ({ status, stuck }) =>
            status === "compensating" && stuck?.step === "item" &&
            stuck.cause === 'items answered a cancel with "rejected": the only answer to it ' +
                'is "cancelled" (docs/protocol.md#the-answer)',
        ),
      )
      // The money is given back last, so it is held while the item may be.
      assert.strictEqual((yield* system.left(user))[0], before[0] - 100)
      items.manner = rightly
      const { status, reason } = yield* system.final(user, id)
      assert.deepStrictEqual([status, reason], ["failed", "Can not get the delivery slot"])
      assert.deepStrictEqual(yield* system.left(user), before)
      assert.deepStrictEqual(yield* (yield* redisOf(system)).deadLetters, [])
    }))
})

/**
 * A participant that does what it is told and answers otherwise than the protocol says, over a real
 * network: what is wrong is told in words, no order is lost over it or sent twice, nobody else
 * waits, and all goes on when it is mended.
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

/** What is sent in the place of the right outcomes: JSON, or a text as it is. */
type Manner = (right: ReadonlyArray<Outcome>) => unknown

const each = (change: (right: Outcome) => object): Manner => (right) => ({
  outcomes: right.map(change),
})
const asItShould = each((right) => right)

/**
 * With what is said of it when three orders are asked about, and of one alone; nothing where it is
 * right about that.
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
  ] as const satisfies ReadonlyArray<readonly [Manner, string]>).map(([manner, said]) =>
    [manner, said, said] as const
  ),
]

/** Stands before the real items; gives how it is told in which manner to answer. */
const standIn = (system: System): Effect.Effect<{ manner: Manner }, never, Scope.Scope> =>
  Effect.gen(function* () {
    const state = { manner: asItShould }
    const asking = new Map<string, () => Promise<Response>>()
    const server = yield* Effect.acquireRelease(
      Effect.promise(async () => {
        const server = createServer(async (request, response) => {
          const answer = await asking.get(String(request.headers["x-request-id"]))!()
          const { outcomes } = await answer.json()
          const said = state.manner(outcomes)
          response.setHeader("content-type", "application/json")
          response.end(typeof said === "string" ? said : JSON.stringify(said))
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
  it.live("is told of in words, loses no order, holds up nobody else, and is asked on until it is mended", () =>
    Effect.gen(function* () {
      const system = yield* startSystem({ REPUBLISH_AFTER: "1 hour" })
      const items = yield* standIn(system)
      const ask = yield* asConsole(system)
      const user = yield* system.customer
      const before = yield* system.left(user)
      const causeOf = (said: string) => `items answered ${said} (docs/protocol.md#the-answer)`
      for (const [manner, ofThree, ofOne] of manners) {
        items.manner = manner
        // What is placed before somebody takes it is one wave, and one request.
        const placed = yield* Effect.replicateEffect(system.order(user, { amount: 1 }), 3)
        const poor = yield* system.order(user, { amount: 1_000 })
        const orchestrator = yield* system.orchestrate()
        yield* until(
          `it is told: ${ofThree}`,
          () => orchestrator.logs.some((line) => line.includes(JSON.stringify(causeOf(ofThree)))),
        )
        const { status, services } = yield* readinessOf(orchestrator)
        assert.strictEqual(status, 503)
        assert.match(services, /^items answered .*\(docs\/protocol\.md#the-answer\)$/)
        assert.strictEqual((yield* system.final(user, poor.id)).reason, "Not enough money")
        if (ofOne !== undefined) {
          yield* until(
            `all wait for the same: ${ofOne}`,
            Effect.map(
              ask(orchestrator, "/internal/stuck"),
              ({ body: { groups: [one] } }) =>
                one?.cause === causeOf(ofOne) && one.count === placed.length,
            ),
          )
          items.manner = asItShould
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

  it.live("never has an order for undone that it did not say is cancelled", () =>
    Effect.gen(function* () {
      const system = yield* startSystem({ REPUBLISH_AFTER: "1 hour" })
      const items = yield* standIn(system)
      const user = yield* system.customer
      const before = yield* system.left(user)
      // The slot refuses, and items says of the cancel what it has not done.
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
        "it is stuck",
        Effect.map(
          system.look(user, id),
          ({ status, stuck }) =>
            status === "compensating" && stuck?.step === "item" &&
            stuck.cause === 'items answered a cancel with "rejected": the only answer to it ' +
                'is "cancelled" (docs/protocol.md#the-answer)',
        ),
      )
      // The money is given back last, so it is held while items is in question.
      assert.strictEqual((yield* system.left(user))[0], before[0] - 100)
      items.manner = asItShould
      const { status, reason } = yield* system.final(user, id)
      assert.deepStrictEqual([status, reason], ["failed", "Can not get the delivery slot"])
      assert.deepStrictEqual(yield* system.left(user), before)
      assert.deepStrictEqual(yield* (yield* redisOf(system)).deadLetters, [])
    }))
})

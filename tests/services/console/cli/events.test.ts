/** The events that `watch` follows, over lost connections and with tokens that expire. */
import { assert, describe, it } from "@effect/vitest"
import { Console, Effect, Schema, Stream } from "effect"
import { Hono } from "hono"
import { events } from "#services/console/cli/events.ts"
import type { SignedIn } from "#services/console/cli/sign-in.ts"
import { listen } from "#shared/http/listen.ts"

const text = (n: number) => `: nothing new\n\nevent: other\ndata: 0\n\nevent: count\ndata: ${n}\n\n`

/** A stream that breaks off, or ends, after one event. */
const stream = (n: number, breaks: boolean) =>
  new Response(
    new ReadableStream({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode(text(n)))
        if (breaks) setTimeout(() => controller.error(new Error("broken")), 10)
        else controller.close()
      },
    }),
    { headers: { "content-type": "text/event-stream" } },
  )

/**
 * The first events of a server that gives these answers to one connection after another, with the
 * messages on standard error and the tokens that were sent.
 */
const follow = (count: number, who: SignedIn, ...answers: ReadonlyArray<() => Response>) =>
  Effect.gen(function* () {
    const tokens: Array<string | undefined> = []
    const app = new Hono().get("/counts", ({ req }) => {
      tokens.push(req.header("authorization"))
      return answers[tokens.length - 1]?.() ?? new Response(null, { status: 404 })
    })
    const port = yield* Effect.orDie(listen(app, { host: "127.0.0.1", port: 0 }))
    const messages: Array<string> = []
    const console = { ...globalThis.console, error: (line: string) => void messages.push(line) }
    const followed = yield* events({
      baseUrl: `http://127.0.0.1:${port}`,
      path: "/counts",
      event: "count",
      schema: Schema.Int,
      who,
    }).pipe(
      Stream.take(count),
      Stream.runCollect,
      Effect.result,
      Effect.provideService(Console.Console, console),
    )
    return { followed, messages, tokens }
  })

const known: SignedIn = { token: () => "known", renew: () => Effect.void }

describe("events", () => {
  it.live("continue after a lost connection and an outage of the server", () =>
    Effect.gen(function* () {
      const { followed, messages } = yield* follow(
        3,
        known,
        () => stream(1, false),
        () => stream(2, true),
        () => new Response("<p>", { status: 502 }),
        () => stream(3, false),
      )
      assert.deepStrictEqual(followed._tag === "Success" && [...followed.success], [1, 2, 3])
      assert.match(messages[0]!, /closed the connection: reconnecting \.\.\.$/)
      assert.match(messages[1]!, /answered with 502, .*: reconnecting \.\.\.$/)
    }))

  it.live("are requested with a new token when one has expired", () =>
    Effect.gen(function* () {
      let token = "old"
      const who: SignedIn = {
        token: () => token,
        renew: () => Effect.sync(() => void (token = "new")),
      }
      const { followed, tokens } = yield* follow(
        1,
        who,
        () => new Response(null, { status: 401 }),
        () => stream(1, false),
      )
      assert.strictEqual(followed._tag, "Success")
      assert.deepStrictEqual(tokens, ["Bearer old", "Bearer new"])
    }))

  it.live("fail when the first connection fails, or when a later one is refused", () =>
    Effect.gen(function* () {
      const { followed } = yield* follow(1, known, () => new Response("<p>", { status: 502 }))
      assert.strictEqual(followed._tag === "Failure" && followed.failure.status, 502)
      const refused = () => new Response(null, { status: 403 })
      const { followed: later } = yield* follow(2, known, () => stream(1, false), refused)
      assert.strictEqual(later._tag === "Failure" && later.failure.status, 403)
    }))
})

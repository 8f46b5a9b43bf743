/**
 * What only Upstash has: a token, answers that are not JSON, and reads that cannot wait on the
 * server.
 */
import { createServer } from "node:http"
import { once } from "node:events"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Redacted } from "effect"
import { upstashOrderQueue } from "#shared/queue/upstash-streams.ts"
import { underLoad } from "#tests/support/patience.ts"
import { anyRedis, type RedisServer } from "#tests/support/redis.ts"
import { startUpstashFront, type UpstashFront } from "#tests/support/upstash-front.ts"
import { anOrder } from "./subjects.ts"

let server: Pick<RedisServer, "url" | "kill">
let front: UpstashFront
beforeAll(async () => {
  server = await anyRedis()
  front = await startUpstashFront(server.url)
})
afterAll(async () => {
  await front.stop()
  await server.kill()
})

const open = (url: string, token: string) =>
  upstashOrderQueue(new URL(url), Redacted.make(token), {
    stream: `test:${crypto.randomUUID()}`,
    group: "testers",
    consumer: "a",
    claimAfter: Duration.hours(1),
    forgetAfter: Duration.hours(1),
    deadLettersFor: Duration.days(30),
  })

/** An HTTP server that answers everything in the given way, or never. */
const anyServer = (answer: string | undefined) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const http = createServer((_, response) => {
        if (answer !== undefined) response.writeHead(502).end(answer)
      }).listen(0, "127.0.0.1")
      await once(http, "listening")
      const address = http.address()
      const port = typeof address === "object" ? address?.port : undefined
      return { http, url: `http://127.0.0.1:${port}` }
    }),
    ({ http }) =>
      Effect.sync(() => {
        http.close()
        http.closeAllConnections()
      }),
  )

describe("upstashOrderQueue", () => {
  it.live("says what is wrong in one line, without the order and the token", () =>
    Effect.gen(function* () {
      const queue = yield* open(front.url, "not-the-token")
      const order = anOrder()
      const { message } = yield* Effect.flip(queue.publish([order]))
      assert.match(message, /cannot be reached \(WRONGPASS invalid or missing auth token\): check/)
      assert.notMatch(message, /\n|not-the-token/)
      assert.notInclude(message, order.username)
    }))

  it.live("says so when something else answers", () =>
    Effect.gen(function* () {
      const { url } = yield* anyServer("<html>\n<body>Bad gateway</body>\n</html>")
      const { message } = yield* Effect.flip(Effect.flatMap(open(url, "t"), (queue) => queue.ping))
      assert.match(message, /cannot be reached \([^\n]*<html> <body>Bad gateway[^\n]*$/)
    }))

  it.live("fails within 3 seconds when nothing answers", () =>
    Effect.gen(function* () {
      const { url } = yield* anyServer(undefined)
      const startMs = yield* Clock.currentTimeMillis
      const queue = yield* open(url, "t")
      assert.match((yield* Effect.flip(queue.ping)).message, /cannot be reached/)
      assert.isBelow((yield* Clock.currentTimeMillis) - startMs, underLoad(3_000))
    }))

  it.live("fails when the connection is refused", () =>
    Effect.gen(function* () {
      const { url } = yield* Effect.scoped(anyServer(undefined))
      const queue = yield* open(url, "t")
      assert.match(
        (yield* Effect.flip(queue.take(1))).message,
        /cannot be reached \([^\n]*refused/i,
      )
    }))
})

/** What a caller concludes from each status that a callee can answer with. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, type Scope } from "effect"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { type Callee, Fetch, get, post, postBatch } from "#shared/http/client.ts"

const callee = (url: string): Callee => ({
  name: "billing",
  url: new URL(url),
  token: Effect.succeed("header.payload.signature"),
  timeoutMs: 2_000,
})

const ways = { get, post, postBatch } as const

/** How each way to call ends when the answer has that status: its result, or its failure. */
const endsAt = (status: number, text = "{}") =>
  Effect.all({
    get: get(callee("http://billing"), "/things").pipe(Effect.result),
    post: post(callee("http://billing"), "/things", {}).pipe(Effect.result),
    postBatch: postBatch(callee("http://billing"), "/things", {}).pipe(Effect.result),
  }).pipe(
    Effect.provideService(
      Fetch,
      () =>
        Promise.resolve({
          status,
          headers: new Headers(),
          text: () => Promise.resolve(text),
          json: () => Promise.resolve({}),
        }),
    ),
  )

const misconfigured: Readonly<Record<number, RegExp>> = {
  401: /^billing answered 401: .*SERVICE_PRIVATE_KEY.*SERVICE_PUBLIC_KEYS/,
  403: /^billing answered 403: .*same version/,
  404: /^billing answered 404: .*address/,
}

/** What the status means to each way to call. */
const expected = (status: number, way: keyof typeof ways): string => {
  if (status >= 200 && status < 300) return "success"
  if (status in misconfigured) return "Misconfigured"
  const refuses = status >= 400 && status < 500 && status !== 408 && status !== 429
  return refuses && way === "postBatch" ? "Refused" : "Unavailable"
}

const statuses = Array.from({ length: 400 }, (_, n) => 200 + n)

describe("an answer", () => {
  it.effect("of every status from 200 to 599 means to each way to call what the table says", () =>
    Effect.gen(function* () {
      for (const status of statuses) {
        for (const [way, end] of Object.entries(yield* endsAt(status))) {
          const found = end._tag === "Success" ? "success" : end.failure._tag
          assert.strictEqual(found, expected(status, way as keyof typeof ways), `${way} ${status}`)
          if (end._tag === "Success") continue
          const { message } = end.failure
          if (status in misconfigured) assert.match(message, misconfigured[status]!)
          else assert.strictEqual(message, `billing answered ${status}`)
        }
      }
    }))

  it.effect("names its status in the failure, unless it refuses what was sent", () =>
    Effect.gen(function* () {
      for (const status of [300, 302, 307, 399, 408, 429, 500, 502, 503, 504, 599]) {
        for (const end of Object.values(yield* endsAt(status))) {
          assert.deepInclude(end, { _tag: "Failure" })
          assert.strictEqual(end._tag === "Failure" && Reflect.get(end.failure, "status"), status)
        }
      }
      // 422 refuses the request; it is not a failure of the service, as a 500 is.
      for (const end of Object.values(yield* endsAt(422))) {
        assert.isTrue(end._tag === "Failure" && !("status" in end.failure))
      }
    }))

  it.effect("of success without JSON, such as 204, does not tell what was done", () =>
    Effect.gen(function* () {
      for (const end of Object.values(yield* endsAt(204, ""))) {
        assert.strictEqual(end._tag === "Failure" && end.failure._tag, "OutcomeUnknown")
      }
    }))

  it.live.each([301, 302, 303, 307, 308])(
    "of %i is not followed: the token is for the callee alone",
    (status) =>
      Effect.gen(function* () {
        const asked: Array<string | undefined> = []
        const port = yield* server((request, response) => {
          asked.push(request.url)
          response.writeHead(status, { location: "/elsewhere" }).end("{}")
        })
        for (const call of [get, post, postBatch]) {
          const exit = yield* Effect.exit(call(callee(`http://127.0.0.1:${port}`), "/things", {}))
          assert.isTrue(Exit.isFailure(exit))
        }
        assert.deepStrictEqual(asked, ["/things", "/things", "/things"])
      }),
  )
})

const server = (
  listener: NonNullable<Parameters<typeof createServer>[1]>,
): Effect.Effect<number, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = createServer(listener).listen(0, "127.0.0.1")
      await once(server, "listening")
      return server
    }),
    (server) =>
      Effect.promise(() => {
        server.closeAllConnections()
        return new Promise((closed) => server.close(closed))
      }),
  ).pipe(Effect.map((server) => (server.address() as AddressInfo).port))

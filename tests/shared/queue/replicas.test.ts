/** Questions between replicas, over a real Redis, and over its REST API. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted, References } from "effect"
import type { StreamOptions } from "#shared/queue/stream-commands.ts"
import { redisOrderQueue } from "#shared/queue/redis-streams.ts"
import { upstashOrderQueue } from "#shared/queue/upstash-streams.ts"
import { type RedisServer, startRedis } from "#tests/support/redis.ts"
import { startUpstashFront, type UpstashFront } from "#tests/support/upstash-front.ts"
import { until } from "./subjects.ts"

const transports = {
  redis: ({ url }: { readonly url: string; readonly token: string }, options: StreamOptions) =>
    redisOrderQueue(new URL(url), options),
  upstash: ({ url, token }: UpstashFront, options: StreamOptions) =>
    upstashOrderQueue(new URL(url), Redacted.make(token), options),
}

describe.each(Object.keys(transports) as ReadonlyArray<keyof typeof transports>)(
  "replicas over %s",
  (transport) => {
    let server: RedisServer
    let front: UpstashFront
    beforeAll(async () => {
      server = await startRedis()
      front = await startUpstashFront(server.url)
    })
    afterAll(async () => {
      await front.stop()
      await server.kill()
    })

    /** Replicas of one stream. Each takes from it, so that the others know that it is alive. */
    const open = Effect.fnUntraced(function* (...names: ReadonlyArray<string>) {
      const stream = `test:${crypto.randomUUID()}`
      const opened = yield* Effect.forEach(names, (consumer) =>
        Effect.gen(function* () {
          const server_ = transport === "redis" ? { ...front, url: server.url } : front
          const { take, replicas } = yield* transports[transport](server_, {
            stream,
            group: "testers",
            consumer,
            claimAfter: Duration.hours(1),
            forgetAfter: Duration.hours(1),
            deadLettersFor: Duration.days(30),
          })
          yield* Effect.forkScoped(take(1))
          return replicas
        }))
      const others = opened.length - 1
      yield* until(
        opened[0]!.ask("nothing", "are you there?").pipe(
          Effect.map(({ answers, unheard }) => answers.length + unheard.length),
        ),
        (count) => count === others,
      )
      return opened
    })

    it.live("answer each question once, and never ask themselves", () =>
      Effect.gen(function* () {
        const [a, b, c] = yield* open("a", "b", "c")
        for (const replica of [a!, b!, c!]) {
          yield* replica.answer("names", (question) => Effect.succeed([replica.self, question]))
          yield* replica.answer(
            "sums",
            (numbers) =>
              Effect.succeed((numbers as ReadonlyArray<number>).reduce((x, y) => x + y, 0)),
          )
        }
        const names = yield* a!.ask("names", { who: "are you" })
        assert.deepStrictEqual(names.unheard, [])
        assert.sameDeepMembers([...names.answers], [
          ["b", ["b", { who: "are you" }]],
          ["c", ["c", { who: "are you" }]],
        ])
        assert.deepStrictEqual(yield* b!.ask("sums", [1, 2, 3], ["c"]), {
          answers: [["c", 6]],
          unheard: [],
        })
        assert.deepStrictEqual(yield* b!.ask("weather", "?", ["a"]), {
          answers: [["a", null]],
          unheard: [],
        })
      }))

    it.live("name a replica that does not answer, and still hear the others", () =>
      Effect.gen(function* () {
        const [a, b] = yield* open("a", "b", "silent")
        yield* b!.answer("names", () => Effect.succeed("b"))
        assert.deepStrictEqual(yield* a!.ask("names", null), {
          answers: [["b", "b"]],
          unheard: ["silent"],
        })
        assert.deepStrictEqual(yield* a!.ask("names", null, ["gone"]), {
          answers: [],
          unheard: ["gone"],
        })
      }))

    it.live("go on after a defect in an answer", () =>
      Effect.gen(function* () {
        const [a, b] = yield* open("a", "b")
        yield* b!.answer("halves", (question) =>
          question === 3 ? Effect.die("it is odd") : Effect.succeed(Number(question) / 2))
          .pipe(Effect.provideService(References.MinimumLogLevel, "None"))
        assert.deepStrictEqual((yield* a!.ask("halves", 3)).unheard, ["b"])
        assert.deepStrictEqual((yield* a!.ask("halves", 4)).answers, [["b", 2]])
      }))

    it.live("are no longer heard after the answering one has ended", () =>
      Effect.gen(function* () {
        const [a, b] = yield* open("a", "b")
        yield* Effect.scoped(Effect.gen(function* () {
          yield* b!.answer("names", () => Effect.succeed("b"))
          assert.deepStrictEqual((yield* a!.ask("names", null)).answers, [["b", "b"]])
        }))
        assert.deepStrictEqual((yield* a!.ask("names", null)).unheard, ["b"])
      }))

    it.live("report that nobody can be asked while the queue is unavailable", () =>
      Effect.gen(function* () {
        const [a] = yield* open("a", "b")
        yield* Effect.promise(() => server.kill())
        const { answers, unheard } = yield* a!.ask("names", null)
        assert.deepStrictEqual(answers, [])
        assert.match(unheard.join(), /^all others: /)
        server = yield* Effect.promise(startRedis)
      }))
  },
)

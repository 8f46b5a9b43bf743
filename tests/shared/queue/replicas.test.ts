/** Questions between replicas, over a real Redis, and over its REST API. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted, References } from "effect"
import type { StreamOptions } from "#shared/queue/stream-commands.ts"
import { redisOrderQueue } from "#shared/queue/redis-streams.ts"
import { upstashOrderQueue } from "#shared/queue/upstash-streams.ts"
import { startRedis } from "#tests/support/redis.ts"
import { startUpstashFront, type UpstashFront } from "#tests/support/upstash-front.ts"
import { until } from "./subjects.ts"

const transports = {
  redis: ({ url }: { readonly url: string; readonly token: string }, options: StreamOptions) =>
    redisOrderQueue(new URL(url), options),
  upstash: ({ url, token }: UpstashFront, options: StreamOptions) =>
    upstashOrderQueue(new URL(url), Redacted.make(token), options),
}

/** A Redis, and its REST API, for one test that kills it or for all others. */
const startServers = async () => {
  const redis = await startRedis()
  const front = await startUpstashFront(redis.url)
  return { redis, front, stop: () => front.stop().then(redis.kill) }
}
type Servers = Awaited<ReturnType<typeof startServers>>

// They wait for polls and time limits.
describe.concurrent.each(Object.keys(transports) as ReadonlyArray<keyof typeof transports>)(
  "replicas over %s",
  (transport) => {
    let servers: Servers
    beforeAll(async () => {
      servers = await startServers()
    })
    afterAll(() => servers.stop())

    /** Replicas of one stream. Each takes from it, so that the others know that it is alive. */
    const open = (...names: ReadonlyArray<string>) => openAt(servers, names)
    const openAt = Effect.fnUntraced(function* (
      { redis, front }: Servers,
      names: ReadonlyArray<string>,
    ) {
      const stream = `test:${crypto.randomUUID()}`
      const opened = yield* Effect.forEach(names, (consumer) =>
        Effect.gen(function* () {
          const server = transport === "redis" ? { ...front, url: redis.url } : front
          const { take, replicas } = yield* transports[transport](server, {
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
      const others = names.slice(1)
      yield* Effect.scoped(Effect.gen(function* () {
        yield* Effect.forEach(opened, ({ answer }) => answer("presence", () => Effect.succeed("")))
        yield* until(
          opened[0]!.ask("presence", null),
          ({ answers }) => answers.length === others.length,
        )
      }))
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
        const own = yield* Effect.acquireRelease(
          Effect.promise(startServers),
          ({ stop }) => Effect.promise(stop),
        )
        const [a] = yield* openAt(own, ["a", "b"])
        yield* Effect.promise(own.redis.kill)
        const { answers, unheard } = yield* a!.ask("names", null)
        assert.deepStrictEqual(answers, [])
        assert.match(unheard.join(), /^all others: /)
      }))
  },
)

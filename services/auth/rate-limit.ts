/**
 * Effect's token buckets over Redis, shared by all replicas, or within this process. When Redis fails the process counts
 * for itself: a limit may then be reached once per replica, but it is never lifted.
 */
import { Cache, Effect, type Scope } from "effect"
import { RateLimiter, Redis as EffectRedis } from "effect/persistence"
import { Redis } from "ioredis"
import { isWrongServer } from "#shared/redis/wrong-server.ts"
import { bySteadyTime, byTime, steadyMs } from "#shared/steady-time.ts"

export type Consume = RateLimiter.RateLimiter["consume"]

const answerWithinMs = 500
const leaveAloneMs = 5_000
/** Beyond this many names the longest unused is forgotten. */
const namesAtMost = 20_000

/** Takes from buckets at a redis: or rediss: URL; with memory: in this process. */
export const makeConsume = (url: URL): Effect.Effect<Consume, never, Scope.Scope> =>
  url.protocol === "memory:" ? within : Effect.gen(function* () {
    const local = yield* within
    const shared = yield* overRedis(url)
    let leaveAloneUntil = -Infinity
    return (options) =>
      Effect.gen(function* () {
        // A Redis that hangs must not make every log-in wait for it.
        if ((yield* steadyMs) < leaveAloneUntil) return yield* local(options)
        return yield* Effect.catch(shared(options), (error) =>
          error.reason._tag === "RateLimitExceeded" ? Effect.fail(error) : Effect.gen(function* () {
            leaveAloneUntil = (yield* steadyMs) + leaveAloneMs
            yield* Effect.logWarning("Redis cannot count failed log-ins: this process does")
            return yield* local(options)
          }))
      })
  })

/** The store of a limiter never forgets a name; so each name has its own, and the cache forgets. */
const within: Effect.Effect<Consume> = Effect.gen(function* () {
  const limiters = yield* Cache.make({
    capacity: namesAtMost,
    lookup: (_name: string) =>
      Effect.provide(RateLimiter.make, RateLimiter.layerStoreMemory, { local: true }),
  })
  return (options) =>
    Effect.flatMap(
      Cache.get(limiters, options.key),
      (limiter) => bySteadyTime(limiter.consume(options)),
    )
})

const unavailable = (cause: unknown) =>
  new RateLimiter.RateLimiterError({
    reason: new RateLimiter.RateLimitStoreError({ message: "Redis does not tell the time", cause }),
  })

const overRedis = (url: URL): Effect.Effect<Consume, never, Scope.Scope> =>
  Effect.gen(function* () {
    const redis = yield* Effect.acquireRelease(
      Effect.sync(() =>
        new Redis(url.href, {
          protocol: 2,
          connectTimeout: answerWithinMs,
          commandTimeout: answerWithinMs,
          maxRetriesPerRequest: 0,
          retryStrategy: (attempt) => Math.min(attempt * 50, 1_000),
          enableReadyCheck: false,
          reconnectOnError: isWrongServer,
        })
      ),
      (redis) => Effect.sync(() => redis.disconnect()),
    )
    // What went wrong, the command that failed tells; without a listener ioredis prints it.
    redis.on("error", () => {})
    const unused = Effect.die(new Error("rate limits only evaluate scripts"))
    const service = yield* EffectRedis.make({
      send: <A>(command: string, ...args: ReadonlyArray<string>) =>
        Effect.tryPromise({
          try: () => redis.call(command, ...args) as Promise<A>,
          catch: (cause) => new EffectRedis.RedisError({ cause }),
        }),
      subscribe: () => unused,
      connect: unused,
    })
    const store = yield* RateLimiter.makeStoreRedis({ prefix: "auth:failures:" }).pipe(
      Effect.provideService(EffectRedis.Redis, service),
    )
    const limiter = yield* Effect.provideService(
      RateLimiter.make,
      RateLimiter.RateLimiterStore,
      store,
    )
    // Buckets refill by the clock of Redis, which all replicas have in common.
    const redisMs = Effect.tryPromise({
      try: async () => {
        const [seconds, micros] = await redis.time()
        return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
      },
      catch: (cause) => unavailable(cause),
    })
    return (options) =>
      Effect.flatMap(redisMs, (nowMs) => byTime(() => nowMs)(limiter.consume(options)))
  })

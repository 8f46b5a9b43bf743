/**
 * Token buckets, shared by all replicas in Redis, or kept in this process. When Redis fails, each
 * process counts for itself: a limit may then be reached once per replica, but it is never lifted.
 */
import { Context, Data, Effect, Layer, type Scope } from "effect"
import { Redis } from "ioredis"
import { isWrongServer } from "#shared/redis/wrong-server.ts"
import { steadyMs } from "#shared/steady-time.ts"
import { type Bucket, makeBuckets, missing, type Taken } from "./buckets.ts"

/** A bucket has no token; the next one comes in `waitMs`. */
export class LimitReached extends Data.TaggedError("LimitReached")<{ readonly waitMs: number }> {}

export class RateLimits extends Context.Service<RateLimits, {
  /**
   * Takes a token from each of the buckets, or from none. Returns how many each is missing then.
   * Fails with LimitReached when one is empty, and makes no bucket then.
   */
  readonly take: (
    buckets: ReadonlyArray<Bucket>,
  ) => Effect.Effect<ReadonlyArray<number>, LimitReached>
  /** Puts a token back into each. */
  readonly putBack: (buckets: ReadonlyArray<Bucket>) => Effect.Effect<void>
}>()("unwind/auth/RateLimits") {}

/** Counts in Redis for a redis: or rediss: URL, or in this process for memory:. */
export const rateLimitsLayer = (url: URL): Layer.Layer<RateLimits> =>
  Layer.effect(RateLimits, makeRateLimits(url))

const answerWithinMs = 500
const leaveAloneMs = 5_000

export const makeRateLimits = (
  url: URL,
): Effect.Effect<RateLimits["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const local = within()
    const shared = url.protocol === "memory:" ? undefined : yield* overRedis(url)
    let leaveAloneUntil = -Infinity
    const first = Effect.fnUntraced(function* <A>(
      there: Effect.Effect<A, unknown> | undefined,
      here: Effect.Effect<A>,
    ) {
      // A Redis that hangs must not make every log-in wait for it.
      if (there === undefined || (yield* steadyMs) < leaveAloneUntil) return yield* here
      return yield* Effect.catch(there, () =>
        Effect.gen(function* () {
          leaveAloneUntil = (yield* steadyMs) + leaveAloneMs
          yield* Effect.logWarning(
            "Redis cannot count log-ins and sign-ups, so this process counts for itself",
          )
          return yield* here
        }))
    })
    return RateLimits.of({
      take: (buckets) =>
        Effect.flatMap(
          first(shared?.take(buckets), local.take(buckets)),
          (taken) =>
            "missing" in taken
              ? Effect.succeed(taken.missing)
              : Effect.fail(new LimitReached({ waitMs: taken.waitMs })),
        ),
      putBack: (buckets) => first(shared?.putBack(buckets), local.putBack(buckets)),
    })
  })

const within = () => {
  const store = makeBuckets()
  return {
    take: (buckets: ReadonlyArray<Bucket>) =>
      Effect.map(steadyMs, (nowMs) => store.take(buckets, nowMs)),
    putBack: (buckets: ReadonlyArray<Bucket>) =>
      Effect.map(steadyMs, (nowMs) => store.putBack(buckets, nowMs)),
  }
}

// Buckets refill by the clock of Redis, which all replicas share. Times are formatted, since Lua
// itself writes large numbers with too few digits.
const script = (body: string) =>
  `local time = redis.call("time")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local full = {}
for n, key in ipairs(KEYS) do full[n] = tonumber(redis.call("get", key) or now) end
local function keep(n)
  if full[n] <= now then return redis.call("del", KEYS[n]) end
  redis.call("set", KEYS[n], string.format("%.0f", full[n]), "px", string.format("%.0f", full[n] - now))
end
${body}`

/**
 * KEYS: the buckets; ARGV: the limit and refill time of each. Returns {1, how soon each is full} or
 * {0, how long to wait}, in milliseconds.
 */
const takeScript = script(`local wait, answer = 0, {1}
for n = 1, #KEYS do
  local refill = tonumber(ARGV[2 * n])
  full[n] = math.max(now, full[n]) + refill
  wait = math.max(wait, full[n] - ARGV[2 * n - 1] * refill - now)
  answer[n + 1] = full[n] - now
end
if wait > 0 then return {0, wait} end
for n = 1, #KEYS do keep(n) end
return answer`)

/** KEYS: the buckets; ARGV: the limit and refill time of each. */
const putBackScript = script(`for n = 1, #KEYS do
  full[n] = full[n] - ARGV[2 * n]
  keep(n)
end`)

const overRedis = (url: URL) =>
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
    // The command that fails reports the error; without a listener ioredis prints it.
    redis.on("error", () => {})
    const evaluate = (lua: string, buckets: ReadonlyArray<Bucket>) =>
      Effect.tryPromise(() =>
        redis.eval(
          lua,
          buckets.length,
          ...buckets.map(({ kind, name }) => `auth:buckets:${kind}:${name}`),
          ...buckets.flatMap(({ limit, refillMs }) => [limit, refillMs]),
        )
      )
    return {
      take: (buckets: ReadonlyArray<Bucket>) =>
        Effect.map(evaluate(takeScript, buckets), (answer): Taken => {
          const [taken, ...ms] = answer as ReadonlyArray<number>
          return taken === 1
            ? { missing: ms.map((ms, n) => missing(ms, buckets[n]!.refillMs)) }
            : { waitMs: ms[0]! }
        }),
      putBack: (buckets: ReadonlyArray<Bucket>) => Effect.asVoid(evaluate(putBackScript, buckets)),
    }
  })

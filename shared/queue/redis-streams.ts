/**
 * Redis Streams over ioredis, for redis:// and rediss:// URLs. One connection is for commands;
 * another one, for the blocking read, opens with the first `take`. Both reconnect for ever, also
 * after an error that shows that the server no longer is the right one. While Redis is away,
 * nothing waits for long or accumulates: a command that was cut off is retried once, unless it
 * takes entries, and every command fails within 2 seconds.
 */
import { Effect } from "effect"
import { Redis, ReplyError } from "ioredis"
import { isWrongServer } from "#shared/redis/wrong-server.ts"
import { blockMsOf, type StreamOptions } from "./stream-commands.ts"
import {
  CommandRefused,
  onAnother,
  reasonOf,
  type RedisCommand,
  type StreamTransport,
  unreachable,
} from "./stream-transport.ts"
import { makeStreamQueue } from "./streams.ts"

const answerWithinMs = 2000

const connect = Effect.fnUntraced(function* (url: URL, socketTimeout: number) {
  const redis = yield* Effect.acquireRelease(
    Effect.sync(() =>
      new Redis(url.href, {
        // In RESP3, some replies to commands called by name have another shape.
        protocol: 2,
        lazyConnect: true,
        connectTimeout: answerWithinMs,
        // A ready check would keep the connection to a server that loads its data, however long
        // that takes.
        enableReadyCheck: false,
        reconnectOnError: isWrongServer,
        retryStrategy: (attempt) => Math.min(attempt * 50, 500),
        // Retries of ioredis would resend the command that broke a connection on each new one, with
        // all others waiting behind it.
        maxRetriesPerRequest: 0,
        socketTimeout,
      })
    ),
    (redis) => Effect.sync(() => redis.disconnect()),
  )
  // ioredis tells a command only that it gave up; the reason arrives here.
  let reason = "no answer"
  redis.on("error", (error) => reason = reasonOf(error))
  redis.on("ready", () => reason = "no answer")
  const failed = (error: unknown) =>
    error instanceof ReplyError
      ? new CommandRefused({ message: reasonOf(error) })
      : unreachable(url, reason)
  return { redis, failed, late: () => unreachable(url, reason) }
})

/**
 * Not retried: the lost reply may have carried entries, which a second reply would not repeat. The
 * reader reads them again.
 */
const handsOut = ([name]: RedisCommand) => name === "xautoclaim"

const makeTransport = Effect.fnUntraced(function* (url: URL, blockMs: number) {
  const main = yield* connect(url, answerWithinMs)
  const waiting = yield* connect(url, blockMs + answerWithinMs)
  const transport: StreamTransport = {
    send: (commands) =>
      Effect.tryPromise({
        try: async () => {
          const pipeline = main.redis.pipeline()
          for (const [name, ...parameters] of commands) pipeline.call(name, ...parameters)
          return (await pipeline.exec() ?? []).map(([error, reply]) => {
            if (error !== null) throw error
            return reply
          })
        },
        catch: main.failed,
      }).pipe(
        Effect.retry({
          times: commands.some(handsOut) ? 0 : 1,
          while: ({ _tag }) => _tag === "QueueUnavailable",
        }),
        onAnother(answerWithinMs, main.late),
      ),
    sendBlocking: ([name, ...parameters]: RedisCommand) =>
      Effect.tryPromise({
        try: () => waiting.redis.call(name, ...parameters),
        catch: waiting.failed,
      }).pipe(onAnother(blockMs + answerWithinMs, waiting.late)),
  }
  return transport
})

/** The order queue at a redis:// or rediss:// URL. Redis need not be reachable yet. */
export const redisOrderQueue = Effect.fnUntraced(function* (url: URL, options: StreamOptions) {
  const transport = yield* makeTransport(url, blockMsOf(options.claimAfter))
  return yield* makeStreamQueue(transport, options)
})

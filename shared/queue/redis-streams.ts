/**
 * Redis Streams over ioredis, for redis:// and rediss:// URLs. One connection for commands, and one for the read that
 * waits, which is opened by the first `take`. Both connect again by themselves, for ever, also when they find that the
 * server is not the one to talk to any more. While Redis is away nothing waits for long or piles up: a command that was
 * cut off is tried once more, unless it takes entries, and all fail within 2 seconds.
 */
import { Effect } from "effect"
import { Redis, ReplyError } from "ioredis"
import { isWrongServer } from "#shared/redis/wrong-server.ts"
import { blockMsOf, type StreamOptions } from "./stream-commands.ts"
import {
  type Command,
  CommandRefused,
  onAnother,
  reasonOf,
  type StreamTransport,
  unreachable,
} from "./stream-transport.ts"
import { makeStreamQueue } from "./streams.ts"

const answerWithinMs = 2000

const connect = Effect.fnUntraced(function* (url: URL, socketTimeout: number) {
  const redis = yield* Effect.acquireRelease(
    Effect.sync(() =>
      new Redis(url.href, {
        // With version 3 of the protocol, some replies to commands that are called by name have another shape.
        protocol: 2,
        lazyConnect: true,
        connectTimeout: answerWithinMs,
        // It would keep the connection to a server that loads its data, however long that takes.
        enableReadyCheck: false,
        reconnectOnError: isWrongServer,
        retryStrategy: (attempt) => Math.min(attempt * 50, 500),
        // It would send again what a connection broke on, at each new one, for as long as that breaks too; and all others
        // would wait behind it.
        maxRetriesPerRequest: 0,
        socketTimeout,
      })
    ),
    (redis) => Effect.sync(() => redis.disconnect()),
  )
  // What ioredis tells a command is that it gave up; why, it tells here.
  let reason = "no answer"
  redis.on("error", (error) => reason = reasonOf(error))
  redis.on("ready", () => reason = "no answer")
  const failed = (error: unknown) =>
    error instanceof ReplyError
      ? new CommandRefused({ message: reasonOf(error) })
      : unreachable(url, reason)
  return { redis, failed, late: () => unreachable(url, reason) }
})

/** Not tried again: a lost answer may have carried entries, which the reader looks after, and the next one has none. */
const handsOut = ([name]: Command) => name === "xautoclaim"

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
    sendBlocking: ([name, ...parameters]: Command) =>
      Effect.tryPromise({
        try: () => waiting.redis.call(name, ...parameters),
        catch: waiting.failed,
      }).pipe(onAnother(blockMs + answerWithinMs, waiting.late)),
  }
  return transport
})

/** The order queue at a redis:// or rediss:// URL. Needs no Redis to be there yet. */
export const redisOrderQueue = Effect.fnUntraced(function* (url: URL, options: StreamOptions) {
  const transport = yield* makeTransport(url, blockMsOf(options.claimAfter))
  return yield* makeStreamQueue(transport, options)
})

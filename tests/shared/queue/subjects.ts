/**
 * The three order queues as the contract sees them: consumers that live, consumers that crash
 * (killed processes, if the entries are kept outside of the process), and the stream as seen from
 * outside.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { assert } from "@effect/vitest"
import { Duration, Effect, Redacted, Schema, type Scope } from "effect"
import { Redis } from "ioredis"
import { stepsInForce } from "#shared/contracts/order-saga.ts"
import { OrderMessage } from "#shared/contracts/order-message.ts"
import { makeMemoryStream } from "#shared/queue/memory-stream.ts"
import { memoryOrderQueue } from "#shared/queue/memory.ts"
import type { OrderQueue } from "#shared/queue/order-queue.ts"
import type { QueueDesk } from "#shared/queue/queue-desk.ts"
import { redisOrderQueue } from "#shared/queue/redis-streams.ts"
import { upstashOrderQueue } from "#shared/queue/upstash-streams.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { anyRedis } from "#tests/support/redis.ts"
import { startUpstashFront, type UpstashFront } from "#tests/support/upstash-front.ts"

/** One stream that nobody else uses. */
export interface Subject {
  /** A consumer that lives until the scope ends. */
  readonly open: (
    consumer: string,
  ) => Effect.Effect<OrderQueue["Service"] & QueueDesk["Service"], never, Scope.Scope>
  /** A consumer that takes this many entries and dies with them; returns their orders. */
  readonly crash: (consumer: string, count: number) => Effect.Effect<ReadonlyArray<string>>
  /** Entries in the stream, and how many of them consumers have in hand. */
  readonly backlog: Effect.Effect<{ readonly length: number; readonly pending: number }>
  readonly deadLetters: Effect.Effect<ReadonlyArray<{ readonly cause: string }>>
  /** Puts an entry that is not an order message into the stream, if there is a way to. */
  readonly poison: ((fields: ReadonlyArray<string>) => Effect.Effect<unknown>) | undefined
  /** Deletes all dead letters, as a person does. */
  readonly deleteLetters: Effect.Effect<unknown> | undefined
  /**
   * Puts a dead letter among the others, as if it had been written at that time. Dead letters are
   * kept for 30 days.
   */
  readonly buriedAt: ((ms: number, cause: string) => Effect.Effect<unknown>) | undefined
}

export interface Implementation {
  readonly subject: (claimAfter: Duration.Input & string) => Subject
  readonly stop: () => Promise<unknown>
}

let orders = 0
export const anOrder = (): OrderMessage =>
  Schema.decodeSync(OrderMessage)({
    orderId: crypto.randomUUID(),
    username: `user${++orders}`,
    amountMinor: 10_000,
    details: { item: 1, slot: "09:00" },
    steps: stepsInForce,
    createdAtMs: 1_800_000_000_000,
    republished: 0,
  })

export const someOrders = (count: number): ReadonlyArray<OrderMessage> =>
  Array.from({ length: count }, anOrder)

/** Takes entries in a process of its own, and kills it. */
const crashInProcess = async (environment: Record<string, string>, count: number) => {
  const program = fileURLToPath(new URL("./consumer-process.ts", import.meta.url))
  const parameters = "deno" in process.versions ? ["run", "-A", program] : [program]
  const child = spawn(process.execPath, [...parameters, String(count)], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  })
  const gone = once(child, "exit")
  const [line] = await Promise.race([
    once(createInterface(child.stdout), "line"),
    gone.then(() => Promise.reject(new Error("the consumer process ended by itself"))),
  ])
  child.kill("SIGKILL")
  await gone
  return JSON.parse(line) as ReadonlyArray<string>
}

const memory = (): Implementation => ({
  stop: () => Promise.resolve(),
  subject: () => {
    const stream = makeMemoryStream(10_000)
    return {
      open: () => memoryOrderQueue(stream),
      // Consumers and entries share a process: none can die alone, so closing stands for a crash.
      crash: (_, count) =>
        Effect.scoped(Effect.gen(function* () {
          const queue = yield* memoryOrderQueue(stream)
          const taken = yield* queue.take(count)
          return taken.map(({ message }) => message.orderId)
        })).pipe(Effect.orDie),
      backlog: Effect.sync(() => ({
        length: stream.unacknowledged,
        pending: stream.unacknowledged - stream.waiting.length,
      })),
      deadLetters: Effect.sync(() => stream.deadLetters),
      poison: undefined,
      deleteLetters: undefined,
      buriedAt: undefined,
    }
  },
})

/**
 * What both transports to Redis have in common: the server can be inspected, and is left as it was.
 */
const overRedis = async (
  front?: (redisUrl: string) => Promise<UpstashFront>,
): Promise<Implementation> => {
  const server = await anyRedis()
  const redis = new Redis(server.url, { protocol: 2 })
  const upstash = await front?.(server.url)
  const queue = upstash ?? { url: server.url, token: "" }
  const url = new URL(queue.url)
  const streams: Array<string> = []
  const subject: Implementation["subject"] = (claimAfter) => {
    const stream = `test:${crypto.randomUUID()}`
    streams.push(stream, `${stream}:dead`, `${stream}:dead:index`)
    const options = {
      stream,
      group: "testers",
      claimAfter: Duration.fromInputUnsafe(claimAfter),
      forgetAfter: Duration.hours(1),
      deadLettersFor: Duration.days(30),
    }
    return {
      open: (consumer) =>
        upstash === undefined
          ? redisOrderQueue(url, { ...options, consumer })
          : upstashOrderQueue(url, Redacted.make(upstash.token), { ...options, consumer }),
      crash: (consumer, count) =>
        Effect.promise(() =>
          crashInProcess({
            QUEUE_URL: queue.url,
            QUEUE_TOKEN: queue.token,
            QUEUE_STREAM: stream,
            QUEUE_GROUP: options.group,
            CONSUMER_NAME: consumer,
            CLAIM_AFTER: claimAfter,
          }, count)
        ),
      backlog: Effect.promise(async () => {
        const [pending] = await redis.xpending(stream, options.group)
        return { length: await redis.xlen(stream), pending: Number(pending) }
      }),
      deadLetters: Effect.promise(async () => {
        const entries = await redis.xrange(`${stream}:dead`, "-", "+")
        return entries.map(([, [, cause = ""]]) => ({ cause }))
      }),
      poison: (fields) => Effect.promise(() => redis.xadd(stream, "*", ...fields)),
      deleteLetters: Effect.promise(async () => {
        const letters = await redis.xrange(`${stream}:dead`, "-", "+")
        await redis.xdel(`${stream}:dead`, ...letters.map(([id]) => id))
      }),
      buriedAt: (ms, cause) =>
        Effect.promise(() => redis.xadd(`${stream}:dead`, `${ms}-0`, "cause", cause)),
    }
  }
  const stop = async () => {
    await upstash?.stop()
    await redis.del(streams)
    redis.disconnect()
    await server.kill()
  }
  return { subject, stop }
}

export const implementations: Record<string, () => Promise<Implementation>> = {
  memory: () => Promise.resolve(memory()),
  redis: () => overRedis(),
  upstash: () => overRedis(startUpstashFront),
}

/** Waits until the effect's result is as wanted. Fails after the limit, with the last result. */
export const until = Effect.fnUntraced(function* <A, E, R>(
  look: Effect.Effect<A, E, R>,
  wanted: (seen: A) => boolean,
) {
  const deadlineMs = Date.now() + patienceMs
  let seen = yield* look
  while (!wanted(seen)) {
    if (Date.now() > deadlineMs) {
      assert.fail(`still not as wanted after ${patienceMs} ms: ${JSON.stringify(seen)}`)
    }
    yield* Effect.sleep(10)
    seen = yield* look
  }
  return seen
})

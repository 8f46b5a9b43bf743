/**
 * Every command of every operation fails once, in both ways, over both drivers, and then every
 * n-th: nothing is lost, nothing stays stuck, and nothing is blocked. A course has an own entry
 * from before a restart, more than a page of a dead consumer's entries, poison, old letters and
 * names, and then every operation of the queue.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted, References, Schedule, type Scope } from "effect"
import { Redis } from "ioredis"
import { encodeEntry } from "#shared/queue/entry.ts"
import type { OrderQueue } from "#shared/queue/order-queue.ts"
import { redisOrderQueue } from "#shared/queue/redis-streams.ts"
import { upstashOrderQueue } from "#shared/queue/upstash-streams.ts"
import { atLength } from "#tests/support/length.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { type RedisServer, startRedis } from "#tests/support/redis.ts"
import { startUpstashFront, type UpstashFront } from "#tests/support/upstash-front.ts"
import { failingFront, type FailingLine, failingRedis, type Fails } from "./failing-line.ts"
import { someOrders, until } from "./subjects.ts"

let server: RedisServer
let front: UpstashFront
let redis: Redis
beforeAll(async () => {
  server = await startRedis()
  front = await startUpstashFront(server.url)
  redis = new Redis(server.url, { protocol: 2 })
})
afterAll(async () => {
  redis.disconnect()
  await front.stop()
  await server.kill()
})

type Queue = OrderQueue["Service"]
const group = "testers"
const patiently = Effect.retry(Schedule.spaced("20 millis"))

interface Driver {
  readonly line: (fails: Fails) => Effect.Effect<FailingLine, never, Scope.Scope>
  readonly open: (
    url: URL,
    stream: string,
    consumer: string,
  ) => Effect.Effect<Queue, never, Scope.Scope>
}

const optionsOf = (stream: string, consumer: string) => ({
  ...{ stream, group, consumer },
  claimAfter: Duration.millis(450),
  forgetAfter: Duration.millis(150),
  deadLettersFor: Duration.days(30),
})

const drivers: Record<string, Driver> = {
  ioredis: {
    line: (fails) => failingRedis(server.url, fails),
    open: (url, stream, consumer) => redisOrderQueue(url, optionsOf(stream, consumer)),
  },
  "@upstash/redis": {
    line: (fails) => failingFront(front, fails),
    open: (url, stream, consumer) =>
      upstashOrderQueue(url, Redacted.make(front.token), optionsOf(stream, consumer)),
  },
}

/** What is in the stream before the consumer "a" begins; returns the orders. */
const prepare = async (stream: string) => {
  const orders = someOrders(6)
  await redis.xgroup("CREATE", stream, group, "0", "MKSTREAM")
  const deliver = async (consumer: string, fields: ReadonlyArray<string>) => {
    const id = await redis.xadd(stream, "*", ...fields)
    await redis.xreadgroup("GROUP", group, consumer, "STREAMS", stream, ">")
    return id!
  }
  await deliver("a", encodeEntry(orders[0]!))
  const gone = await deliver("a", encodeEntry(orders[0]!))
  await redis.xdel(stream, gone)
  const held = []
  for (const order of orders.slice(1)) held.push(await deliver("dead", encodeEntry(order)))
  await redis.xclaim(stream, group, "dead", 0, ...held, "IDLE", 3_600_000)
  await redis.xgroup("CREATECONSUMER", stream, group, "silent")
  await redis.xadd(`${stream}:dead`, "1-1", "cause", "", "entry", "1-1", "order", "old")
  await redis.hset(`${stream}:dead:index`, "old", "1-1")
  await redis.xadd(stream, "*", "hello", "world")
  return orders.map(({ orderId }) => orderId)
}

/** Takes until all of these orders were seen; returns their entries. */
const takeAll = Effect.fnUntraced(function* (queue: Queue, wanted: ReadonlyArray<string>) {
  const entries = new Map<string, Effect.Success<ReturnType<Queue["take"]>>[number]>()
  const seen = new Set<string>()
  while (!wanted.every((orderId) => seen.has(orderId))) {
    for (const delivery of yield* patiently(queue.take(2))) {
      entries.set(delivery.entryId, delivery)
      seen.add(delivery.message.orderId)
    }
  }
  return [...entries.values()]
})

/** One course with these failures; returns the commands that it took. */
const course = (driver: Driver, fails: Fails) =>
  Effect.gen(function* () {
    const stream = `test:${crypto.randomUUID()}`
    const before = yield* Effect.promise(() => prepare(stream))
    const orders = someOrders(3)
    const wanted = [...before, ...orders.map(({ orderId }) => orderId)]
    const { url, commands } = yield* driver.line(fails)
    const buried = yield* Effect.scoped(Effect.gen(function* () {
      const queue = yield* driver.open(url, stream, "a")
      yield* patiently(queue.publish(orders))
      const [dead, kept, ...done] = yield* takeAll(queue, wanted)
      yield* patiently(queue.ping)
      // Waits for a beat and a look at the other consumers, at least, while entries are in hand.
      const soFar = commands.length
      yield* until(
        Effect.sync(() => commands.slice(soFar).includes("xclaim")),
        (isRenewed) => isRenewed,
      )
      yield* patiently(queue.deadLetter([{ delivery: dead!, cause: "a defect" }]))
      yield* patiently(
        queue.acknowledge(
          done.map(({ entryId }) => entryId).filter((entryId) => entryId !== kept!.entryId),
        ),
      )
      return dead!.message.orderId
    }))
    const other = yield* driver.open(
      new URL(driver === drivers.ioredis ? server.url : front.url),
      stream,
      "b",
    )
    // What is left: the entry that was in hand, orders that were published twice, and poison that
    // could not be buried.
    const rest = yield* Effect.forkScoped(
      Effect.forever(
        Effect.flatMap(other.take(10), (taken) =>
          other.acknowledge(taken.map(({ entryId }) => entryId))),
      ),
    )
    yield* until(
      Effect.promise(async () => [
        await redis.xlen(stream),
        Number((await redis.xpending(stream, group))[0]),
      ]),
      ([length, pending]) =>
        length === 0 && pending === 0,
    )
    assert.isUndefined(rest.pollUnsafe())
    const letters = yield* until(
      Effect.promise(() => redis.xrange(`${stream}:dead`, "-", "+")),
      (all) => all.every(([id]) => id !== "1-1"),
    )
    assert.sameMembers(letters.map(([, fields]) => fields[5]), ["", buried])
    yield* until(
      Effect.promise(async () => {
        const consumers = await redis.xinfo("CONSUMERS", stream, group) as Array<Array<unknown>>
        return consumers.map((pairs) => pairs[1])
      }),
      (names) => names.every((name) => name === "a" || name === "b"),
    )
    yield* Effect.promise(() => redis.del(stream, `${stream}:dead`, `${stream}:dead:index`))
    return commands
  }).pipe(
    Effect.scoped,
    Effect.provideService(References.MinimumLogLevel, "None"),
  )

/** Some of them, which takes seconds; in a long run all of them, which takes half a minute. */
const some = <A>(all: ReadonlyArray<A>): ReadonlyArray<A> =>
  atLength(all.filter((_, n) => n % 5 === 2), all)

const inEitherWay = (numbers: ReadonlyArray<number>) =>
  numbers.flatMap((n) => [[n, "before"], [n, "after"]] as const)

const inVain = (how: string) =>
  Effect.mapError(() => new Error(`not done within a minute, with ${how}`))

describe.each(Object.entries(drivers))("the queue over %s", (_, driver) => {
  it.live("finishes a course in which any one command fails", () =>
    Effect.gen(function* () {
      const all = yield* course(driver, () => undefined)
      const names = new Set(all)
      assert.includeMembers([...names], ["eval", "xreadgroup", "xautoclaim", "xclaim", "xinfo"])
      assert.includeMembers([...names], ["xdel", "xack"])
      yield* Effect.forEach(
        some(inEitherWay(all.map((_, n) => n + 1))),
        ([n, failure]) =>
          course(driver, (nth) => nth === n ? failure : undefined).pipe(
            Effect.timeout(patienceMs),
            inVain(`command ${n} failing ${failure} it`),
          ),
        { concurrency: 8 },
      )
    }))

  it.live("finishes a course in which every n-th command fails", () =>
    Effect.forEach(
      some(inEitherWay([3, 4, 5, 7, 11])),
      ([n, failure]) =>
        course(driver, (nth) => nth % n === 0 ? failure : undefined).pipe(
          Effect.timeout(patienceMs),
          inVain(`each command ${n} failing ${failure} it`),
        ),
      { concurrency: 4 },
    ))
})

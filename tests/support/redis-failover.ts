/**
 * A primary and its replica behind one TCP address, and their failover: they change roles, and the
 * address leads to the new primary from then on, while the old one stays up as its replica and
 * keeps its connections.
 */
import { Effect, type Scope } from "effect"
import { Redis } from "ioredis"
import { setTimeout as wait } from "node:timers/promises"
import { obtainRedis, type RedisServer, startRedis } from "./redis.ts"
import { openSwitchboard, type Switchboard } from "./switchboard.ts"

export interface RedisPair {
  readonly board: Switchboard
  readonly primary: RedisServer
  readonly replica: RedisServer
  /** The primary becomes the replica's replica; the address still leads to it. */
  readonly changeRoles: Effect.Effect<void>
}

const host = (url: string): [string, number] => [new URL(url).hostname, Number(new URL(url).port)]

/** Servers in separate containers cannot reach each other at the addresses that a test uses. */
export const whyNoPair = await obtainRedis() === "docker"
  ? "needs redis-server or valkey-server on this machine"
  : undefined

export const redisPair: Effect.Effect<RedisPair, never, Scope.Scope> = Effect.gen(function* () {
  const start = Effect.acquireRelease(
    Effect.promise(async () => {
      const server = await startRedis()
      const redis = new Redis(server.url, { protocol: 2 })
      redis.on("error", () => {})
      return { server, redis }
    }),
    ({ server, redis }) =>
      Effect.promise(() => {
        redis.disconnect()
        return server.kill()
      }),
  )
  const [one, other] = [yield* start, yield* start]
  yield* Effect.promise(async () => {
    // Otherwise it waits five seconds for more replicas.
    for (const { redis } of [one, other]) await redis.config("SET", "repl-diskless-sync-delay", 0)
    await other.redis.replicaof(...host(one.server.url))
    await inSync(other.redis)
  })
  return {
    board: yield* openSwitchboard(one.server.url),
    primary: one.server,
    replica: other.server,
    changeRoles: Effect.promise(async () => {
      await one.redis.call("failover")
      while (!/^role:slave/m.test(await one.redis.info("replication"))) await wait(5)
      await inSync(one.redis)
    }),
  }
})

/** Waits until the replica has all data of its primary. */
const inSync = async (replica: Redis) => {
  while (!/^master_link_status:up/m.test(await replica.info("replication"))) await wait(10)
}

/**
 * Runs PostgreSQL or Redis in the given data folder until it is killed, whatever happens to the
 * server, and prints the server's URL.
 */
import { Effect } from "effect"
import { startPostgres } from "#compose/embedded/postgres/postgres.ts"
import { redisOnPath, startRedis } from "#compose/embedded/redis.ts"

const [dataDir = "", server] = process.argv.slice(2)

await Effect.gen(function* () {
  const { url } = server === "postgres"
    ? yield* startPostgres({ dataDir, durable: true })
    : yield* startRedis({ program: redisOnPath()!, dataDir })
  console.log(url)
  yield* Effect.sleep("1 hour")
}).pipe(Effect.scoped, Effect.runPromise)

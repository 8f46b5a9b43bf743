/**
 * Runs PostgreSQL and Redis in the given data folder until it is killed, whatever happens to them.
 */
import { Effect, Option } from "effect"
import { startPostgres } from "#compose/embedded/postgres.ts"
import { startRedis } from "#compose/embedded/redis.ts"

const [dataDir = "", server] = process.argv.slice(2)

await Effect.gen(function* () {
  if (server === "postgres") {
    const { pid, url } = yield* startPostgres({ dataDir, durable: true })
    console.log(JSON.stringify({ pid, url }))
  } else {
    const { url } = Option.getOrThrow(yield* startRedis({ dataDir }))
    console.log(JSON.stringify({ url }))
  }
  yield* Effect.sleep("1 hour")
}).pipe(Effect.scoped, Effect.runPromise)

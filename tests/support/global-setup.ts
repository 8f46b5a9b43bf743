/** Once per test run: its folder, one PostgreSQL for all tests, and the means to start a Redis. */
import { join } from "node:path"
import { startRunsPostgres } from "./postgres.ts"
import { obtainRedis } from "./redis.ts"
import { makeRunFolder } from "./run-folder.ts"

export default async function setup(): Promise<() => Promise<void>> {
  await obtainRedis()
  const { folder, remove } = await makeRunFolder()
  const stop = await startRunsPostgres(join(folder, "postgres"))
  return () => stop().finally(remove)
}

/** Once per test run: one PostgreSQL for all tests, and the means to start a Redis. */
import { setup as startPostgres } from "./postgres.ts"
import { obtainRedis } from "./redis.ts"

export default async function setup(): Promise<() => Promise<void>> {
  await obtainRedis()
  return await startPostgres()
}

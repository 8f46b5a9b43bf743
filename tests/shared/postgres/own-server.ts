/** A PostgreSQL server of the test's own. */
import { Effect, Exit, Scope } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { lockDataFolder } from "#compose/embedded/data-folder.ts"
import { startPostgres } from "#compose/embedded/postgres/postgres.ts"
import { freePort } from "#tests/support/free-port.ts"
import { temporaryFolder } from "./open-database.ts"

/**
 * It can be stopped, killed and started again in the same place, also as a standby, which can be
 * promoted.
 */
export const ownServer = Effect.gen(function* () {
  const dataDir = yield* temporaryFolder
  yield* lockDataFolder(dataDir)
  const port = yield* Effect.promise(freePort)
  let scope = Scope.makeUnsafe()
  yield* Effect.addFinalizer(() => Effect.suspend(() => Scope.close(scope, Exit.void)))
  const start = Effect.suspend(() => {
    scope = Scope.makeUnsafe()
    return Scope.provide(startPostgres({ dataDir, durable: false, port }), scope)
  })
  const stop = Effect.suspend(() => Scope.close(scope, Exit.void))
  const startAsStandby = Effect.suspend(() => {
    writeFileSync(join(dataDir, "postgres/standby.signal"), "")
    return start
  })
  return { start, startAsStandby, stop }
})

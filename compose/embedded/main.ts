/**
 * `npm start`: the whole system in this process. Prints its progress, then its addresses and what
 * to try.
 */
import { Console, Duration, Effect } from "effect"
import { command } from "#shared/command/command.ts"
import { readSettings } from "#shared/config/settings.ts"
import { CurrentDrain } from "#shared/http/drain.ts"
import { telemetryLayer } from "#shared/telemetry/telemetry.ts"
import { startSyntax } from "./arguments.ts"
import { elsewhereSettings } from "./elsewhere.ts"
import { checkSettings } from "./services.ts"
import { embeddedSettings } from "./settings.ts"
import { startSystem } from "./system.ts"
import { welcome } from "./welcome.ts"

const main = Effect.gen(function* () {
  const startedAtMs = performance.now()
  yield* checkSettings(process.env, { ...embeddedSettings, ...elsewhereSettings(process.env) })
  const given = yield* readSettings(embeddedSettings)
  const { PORT, HOST, INTERNAL_PORT, MAX_CONNECTIONS, KEEP_ALIVE, DRAIN, DATA_DIR, ...rest } = given
  const { QUEUE_URL, TRUST_PROXY, ...telemetry } = rest
  const drain = yield* CurrentDrain
  drain.ms = Duration.toMillis(DRAIN)
  yield* Effect.gen(function* () {
    const system = yield* startSystem({
      host: HOST,
      port: PORT,
      internalPort: INTERNAL_PORT,
      keepAliveMs: Duration.toMillis(KEEP_ALIVE),
      maxConnections: MAX_CONNECTIONS,
      trustProxy: TRUST_PROXY,
      dataDir: DATA_DIR,
      queueUrl: QUEUE_URL?.href,
      environment: process.env,
      progress: (what) => Console.log(`  starting ${what} ...`),
    })
    const seconds = (performance.now() - startedAtMs) / 1000
    yield* Console.log(welcome({ ...system, host: HOST, dataDir: DATA_DIR, seconds }))
    return yield* system.broken
  }).pipe(
    Effect.onInterrupt(() => Console.log("\nStopping ...")),
    Effect.scoped,
    Effect.provide(telemetryLayer("embedded", telemetry)),
  )
})

// Stopping a server is a success.
command(startSyntax, () => main, { interruptedCode: 0 }).main(process.argv.slice(2))

/**
 * What runs before all other containers: it checks the settings that they are given, so that what is wrong is said once
 * and nothing is started, and makes the secrets that are missing. `main.ts FOLDER`: where each container has a folder.
 */
import { Effect, Schema } from "effect"
import { checkSettings } from "#compose/embedded/services.ts"
import { runMain } from "#shared/service/run-main.ts"
import { gatewaySettings } from "./gateway-settings.ts"
import { makeSecrets } from "./secret-files.ts"

class SetupError extends Schema.TaggedError<SetupError>()("SetupError", {
  message: Schema.String,
}) {}

const folder = process.argv[2] ?? "/secrets"

runMain(Effect.gen(function* () {
  yield* checkSettings(process.env, gatewaySettings)
  yield* Effect.tryPromise({
    try: () => makeSecrets(folder),
    catch: (error) =>
      new SetupError({
        message: `The secrets cannot be written to ${folder}: ${(error as Error).message}. ` +
          "Remove the volumes with `docker compose down -v` (this removes all data) and start again",
      }),
  })
}))

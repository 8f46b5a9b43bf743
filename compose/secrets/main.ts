/**
 * What runs before all other containers: it checks the settings that they are given, so that what is wrong is said once
 * and nothing is started, and makes the secrets that are missing. `main.ts [--renew KIND] [FOLDER]`: where each container
 * has a folder, and which secrets are to be made anew.
 */
import { Effect, Schema } from "effect"
import { checkSettings } from "#compose/embedded/services.ts"
import { runMain } from "#shared/service/run-main.ts"
import { type Arguments, parseArguments } from "./arguments.ts"
import { gatewaySettings } from "./gateway-settings.ts"
import { forgetSecrets } from "./renew.ts"
import { makeSecrets } from "./secret-files.ts"

class SetupError extends Schema.TaggedError<SetupError>()("SetupError", {
  message: Schema.String,
}) {}

const main = ({ folder, renew }: Extract<Arguments, { readonly task: "run" }>) =>
  Effect.gen(function* () {
    yield* checkSettings(process.env, gatewaySettings)
    yield* Effect.tryPromise({
      try: async () => {
        if (renew !== undefined) forgetSecrets(folder, renew)
        await makeSecrets(folder)
      },
      catch: (error) =>
        new SetupError({
          message: `The secrets cannot be written to ${folder}: ${(error as Error).message}. ` +
            "Remove the volumes with `docker compose down -v` (this removes all data) and start again",
        }),
    })
  })

const given = parseArguments(process.argv.slice(2))
if (given.task === "run") runMain(main(given))
else {
  console.error(given.message)
  process.exitCode = 2
}

/**
 * Runs before all other containers. It checks their settings, so that a mistake is reported once
 * and nothing is started, and makes the missing secrets. `main.ts [--renew KIND] [FOLDER]`: the
 * kind of secrets to replace, and the folder that has a subfolder for each container.
 */
import { Effect, Schema } from "effect"
import { checkSettings } from "#compose/embedded/services.ts"
import { command } from "#shared/command/command.ts"
import { type SecretsOptions, secretsSyntax } from "./arguments.ts"
import { gatewaySettings } from "./gateway-settings.ts"
import { forgetSecrets } from "./renew.ts"
import { makeSecrets } from "./secret-files.ts"

class SetupError extends Schema.TaggedError<SetupError>()("SetupError", {
  message: Schema.String,
}) {}

const main = ({ folder, renew }: SecretsOptions) =>
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

command(secretsSyntax, main).main(process.argv.slice(2))

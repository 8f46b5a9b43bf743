/**
 * What is audited: the services where they are if the environment names them, as in the orchestrator's container, else the
 * data folder of the embedded run.
 */
import { type Context, Effect, Layer, type Scope } from "effect"
import { openRecords } from "#compose/embedded/records.ts"
import { embeddedSettings } from "#compose/embedded/settings.ts"
import { Audit, auditLayer } from "#services/orchestrator/audit/audit.ts"
import { Records, recordsLayer } from "#services/orchestrator/audit/records.ts"
import { addressSettings, deadlineSetting, urlsOf } from "#services/orchestrator/settings.ts"
import { Environment, readSettings } from "#shared/config/settings.ts"
import { Fetch } from "#shared/http/client.ts"
import { privateKeySetting, serviceSignerLayer } from "#shared/security/service-tokens.ts"

type Environment = typeof Environment["Service"]

/** Opens what there is to audit until the scope closes. Fails with a message for a person. */
export const openSystem = (
  environment: Environment,
): Effect.Effect<Context.Context<Audit | Records>, { readonly message: string }, Scope.Scope> =>
  Effect.gen(function* () {
    if (
      Object.keys(addressSettings).some((name) => environment[name] || environment[`${name}_FILE`])
    ) {
      return yield* connect(environment)
    }
    const { DATA_DIR } = yield* readSettings({ DATA_DIR: embeddedSettings.DATA_DIR }).pipe(
      Effect.provideService(Environment, environment),
    )
    const records = yield* openRecords(DATA_DIR, environment)
    return yield* Effect.provideService(connect(records.environment), Fetch, records.fetch)
  })

const connect = (environment: Environment) =>
  Effect.gen(function* () {
    const settings = yield* readSettings({
      ...addressSettings,
      ...privateKeySetting,
      ...deadlineSetting,
    }).pipe(Effect.provideService(Environment, environment))
    const fetch = yield* Fetch
    return yield* Layer.build(
      auditLayer({ deadline: settings.ORDER_DEADLINE }).pipe(
        Layer.provideMerge(recordsLayer(urlsOf(settings))),
        Layer.provide(serviceSignerLayer("orchestrator", settings.SERVICE_PRIVATE_KEY)),
        Layer.provideMerge(Layer.succeed(Fetch, fetch)),
      ),
    )
  })

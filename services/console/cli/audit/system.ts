/**
 * Opens what is audited: the services, if the environment is that of the orchestrator's container,
 * else the data folder of the embedded run, and the participants that run elsewhere. The audit
 * continues without services that do not answer, since it is needed most then.
 */
import { Context, Effect, Layer, type Scope } from "effect"
import { isMovable } from "#compose/embedded/elsewhere.ts"
import { openRecords } from "#compose/embedded/records.ts"
import { embeddedSettings } from "#compose/embedded/settings.ts"
import { Audit, auditLayer } from "#services/orchestrator/audit/audit.ts"
import { unreachedOf } from "#services/orchestrator/audit/everything.ts"
import { Records, recordsLayer, type Unreached } from "#services/orchestrator/audit/records.ts"
import { addressSettings, deadlineSetting, urlsOf } from "#services/orchestrator/settings.ts"
import { addressName } from "#shared/config/addresses.ts"
import { Environment, readSettings } from "#shared/config/settings.ts"
import { type ParticipantName, participantNames } from "#shared/contracts/order-saga.ts"
import { Fetch } from "#shared/http/client.ts"
import { callsOf } from "#shared/roster.ts"
import { privateKeySetting, serviceSignerLayer } from "#shared/security/service-tokens.ts"

type Environment = typeof Environment["Service"]
type Part = ParticipantName | "orders"

/** What cannot be audited, and why, with the remedy. */
export interface Missing {
  readonly part: string
  readonly cause: string
}

export interface Opened {
  /** Restricted to the services that answer. */
  readonly context: Context.Context<Audit | Records>
  readonly missing: ReadonlyArray<Missing>
}

const parts: ReadonlyArray<Part> = [...participantNames, "orders"]

/**
 * Settings that only the environment of a separate service has: its private key, or the address of
 * a service that `npm start` always runs itself.
 */
export const ofServices: ReadonlyArray<string> = [
  ...Object.keys(privateKeySetting),
  ...callsOf("orchestrator").filter((name) => !isMovable(name)).map(addressName),
]

/**
 * Whether the environment is that of a separate service, as in the orchestrator's container.
 */
export const namesServices = (environment: Environment): boolean =>
  ofServices.some((name) => environment[name] || environment[`${name}_FILE`])

/**
 * Opens what is audited, until the scope closes. Fails with a message for a person when no service
 * answers.
 */
export const openSystem = (
  environment: Environment,
): Effect.Effect<Opened, { readonly message: string }, Scope.Scope> =>
  Effect.gen(function* () {
    if (namesServices(environment)) return yield* connect(environment, new Map())
    const { DATA_DIR } = yield* readSettings({ DATA_DIR: embeddedSettings.DATA_DIR }).pipe(
      Effect.provideService(Environment, environment),
    )
    const records = yield* openRecords(DATA_DIR, environment)
    return yield* connect(records.environment, records.unreadable).pipe(
      Effect.provideService(Fetch, records.fetch),
    )
  })

const connect = (environment: Environment, unreadable: ReadonlyMap<Part, string>) =>
  Effect.gen(function* () {
    const settings = yield* readSettings({
      ...addressSettings,
      ...privateKeySetting,
      ...deadlineSetting,
    }).pipe(Effect.provideService(Environment, environment))
    const records = yield* Effect.map(
      Layer.build(
        recordsLayer(urlsOf(settings)).pipe(
          Layer.provide(serviceSignerLayer("orchestrator", settings.SERVICE_PRIVATE_KEY)),
        ),
      ),
      Context.get(Records),
    )
    const missing = yield* missingOf(records, unreadable)
    if (missing.length === parts.length) {
      return yield* Effect.fail({
        message: missing.map(({ part, cause }) => `${part}: ${cause}`).join("\n  "),
      })
    }
    const participants = participantNames.filter((name) =>
      !missing.some(({ part }) => part === name)
    )
    const context = yield* Layer.build(
      auditLayer({ deadline: settings.ORDER_DEADLINE }).pipe(
        Layer.provideMerge(Layer.succeed(Records, { ...records, participants })),
        Layer.provideMerge(Layer.succeed(Fetch, yield* Fetch)),
      ),
    )
    return { context, missing } satisfies Opened
  })

const missingOf = (records: Records["Service"], unreadable: ReadonlyMap<Part, string>) =>
  Effect.gen(function* () {
    const unreached = yield* unreachedOf(parts.filter((part) => !unreadable.has(part))).pipe(
      Effect.provideService(Records, records),
    )
    const missing = new Map<string, string>([
      ...unreadable,
      ...unreached.map((one) => [one.service, causeOf(one)] as const),
    ])
    return parts.flatMap((part): ReadonlyArray<Missing> => {
      const cause = missing.get(part)
      return cause === undefined ? [] : [{ part, cause }]
    })
  })

/** Why a service did not answer, with the remedy. */
export const causeOf = ({ message, isMisconfigured }: Unreached): string =>
  isMisconfigured
    ? message
    : `${message}: check that it runs and can be reached from here, then try again`

/**
 * A participant of the order saga as a declaration: what it reserves, and where that is stored.
 * Settings, tables, layers and routes are the same for all participants. A participant that does
 * more (billing) combines these parts with its own.
 */
import { Effect, Layer } from "effect"
import { retentionSetting } from "#shared/config/retention.ts"
import { type Values, whole } from "#shared/config/settings.ts"
import type { ParticipantName } from "#shared/contracts/order-saga.ts"
import { appWithFaults } from "#shared/faults/app.ts"
import { faultsSetting } from "#shared/faults/setting.ts"
import { Database, databaseLayer } from "#shared/postgres/database.ts"
import { OnlyLooking } from "#shared/postgres/only-looking.ts"
import { databaseSettings } from "#shared/postgres/settings.ts"
import { publicKeysSetting, serviceVerifierLayer } from "#shared/security/service-tokens.ts"
import { userTokenSettings, userVerifierLayer } from "#shared/security/user-tokens.ts"
import { service } from "#shared/service/service.ts"
import { Adjustments } from "./adjustments.ts"
import { recordRoutes } from "./audit-routes.ts"
import { booksLayer } from "./books.ts"
import { forgettingLayer } from "./forget.ts"
import { forgetRoutes } from "./forget-routes.ts"
import { reservationsLayer } from "./reservations.ts"
import { reservationStoreLayer, type Resources } from "./reservations-sql.ts"
import { resourceMigrations, tableMigration } from "./resource-migrations.ts"
import { reservationRoute } from "./routes.ts"
import { stockLayer } from "./stock.ts"
import { stockRoutes } from "./stock-routes.ts"

/** What a participant reserves. */
export interface Reserved extends Resources {
  readonly name: ParticipantName
  /** What one of the resources is called, such as "item". */
  readonly one: string
  /**
   * The folder of the SQL file that creates the table, if the table has more columns than a key and
   * a balance.
   */
  readonly migrations?: string
}

export const participantSettings = {
  ...databaseSettings,
  ...publicKeysSetting,
  ...userTokenSettings,
  ...retentionSetting,
  ...faultsSetting,
}

/** Everything that a participant's routes depend on. */
export const participantLayers = (
  reserved: Reserved,
  settings: Values<typeof participantSettings>,
) =>
  Layer.mergeAll(
    Layer.merge(reservationsLayer(settings.RETENTION), Adjustments.layer).pipe(
      Layer.provide(reservationStoreLayer(reserved)),
    ),
    stockLayer(reserved),
    booksLayer(reserved),
    forgettingLayer(reserved, settings.RETENTION),
  ).pipe(
    Layer.provideMerge(openingLayer(reserved)),
    Layer.provideMerge(databaseLayer({
      service: reserved.name,
      url: settings.DATABASE_URL,
      poolSize: settings.DATABASE_POOL,
      migrations: reserved.migrations ?? [tableMigration(reserved)],
    })),
    Layer.merge(serviceVerifierLayer(reserved.name, settings.SERVICE_PUBLIC_KEYS)),
    Layer.merge(userVerifierLayer(settings)),
  )

const openingLayer = (reserved: Reserved) =>
  Layer.effectDiscard(
    Effect.flatMap(Database, ({ migrate }) => migrate(resourceMigrations(reserved))),
  )

/**
 * The participant protocol: how the orchestrator reserves and cancels, audits, and makes
 * participants forget old orders; and how operators see and change what is left.
 */
export const participantRoutes = Effect.gen(function* () {
  return [
    yield* reservationRoute,
    ...(yield* recordRoutes),
    ...(yield* forgetRoutes),
    ...(yield* stockRoutes),
  ]
})

/** A participant that does nothing else. */
export interface Participant extends Reserved {
  readonly description: string
  /** The resources that the first start creates: the columns of the table, without the balance. */
  readonly prefill: ReadonlyArray<Readonly<Record<string, string>>>
  /** The name of the setting with the balance that each of them starts with. */
  readonly opening: string
}

/**
 * Makes the service of a participant that does nothing else. A start that finds the table empty
 * fills it.
 */
export const participant = ({ description, prefill, opening, ...reserved }: Participant) => {
  const { name, one, table, balance } = reserved
  return service({
    name,
    settings: {
      ...participantSettings,
      [opening]: whole(
        `the ${balance} of each ${one} at the first start`,
        { minimum: 0, maximum: 1_000_000_000 },
        100,
      ),
    },
    layers: (settings) => participantLayers(reserved, settings),
    app: (settings) =>
      Effect.gen(function* () {
        const { query, ping } = yield* Database
        // The compiler does not know a setting whose name is data.
        const opened = (settings as Readonly<Record<string, unknown>>)[opening] as number
        const rows = prefill.map((row) => ({ ...row, [balance]: opened }))
        const fill = query((sql) => {
          const [into, columns] = [sql.part(table), sql.part(Object.keys(rows[0] ?? {}))]
          return sql`
            insert into ${into} (${columns})
            select ${columns} from jsonb_populate_recordset(null::${into}, ${sql.json(rows)})
            where not exists (select from ${into})
            on conflict do nothing`
        })
        if (!(yield* OnlyLooking)) yield* fill
        return yield* appWithFaults(settings.FAULTS, {
          name,
          description,
          routes: yield* participantRoutes,
          ready: { database: ping },
        })
      }),
  })
}

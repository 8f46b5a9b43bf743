/**
 * The bench's own connections to the databases, as the superuser: for preparing runs, and for
 * checking them.
 */
import { Effect, type Scope } from "effect"
import postgres from "postgres"
import { type DatabaseName, databaseNames } from "./servers.ts"

type Client = postgres.Sql<{ bigint: number }>

export type Databases = Readonly<Record<DatabaseName, Client>>

const connections = 2

/** Opens clients for all databases, until the scope closes. */
export const openDatabases = (
  serverUrl: string,
): Effect.Effect<Databases, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const open = (name: DatabaseName) => {
        const url = new URL(serverUrl)
        url.pathname = name
        // A sum of balances is a bigint, and below 2^53.
        const types = { bigint: { to: 20, from: [20], parse: Number, serialize: String } }
        return [name, postgres(url.href, { max: connections, onnotice: () => {}, types })] as const
      }
      return Object.fromEntries(databaseNames.map(open)) as Record<DatabaseName, Client>
    }),
    (databases) =>
      Effect.promise(() =>
        Promise.all(Object.values(databases).map((sql) => sql.end({ timeout: 1 })))
      ),
  )

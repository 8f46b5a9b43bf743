import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import createClient, { type Sql } from "postgres"
import { ensureDatabases, startPostgres } from "#compose/embedded/postgres/postgres.ts"
import { temporaryFolder } from "../temporary-folder.ts"

const query = <A>(url: string, use: (sql: Sql) => Promise<A>) =>
  Effect.promise(() => {
    const sql = createClient(url, { max: 1, onnotice: () => {} })
    return use(sql).finally(() => sql.end())
  })

/** The SQLSTATE with which the server refuses a connection. */
const refusal = (url: string) =>
  query(url, (sql) => sql`select 1`.then(() => "let in", (cause) => cause.code))

const inDatabase = (url: string, database: string) => {
  const other = new URL(url)
  other.pathname = database
  return other.href
}

describe("ensureDatabases", () => {
  it.live("gives each service a database of its own, which no other service can connect to", () =>
    Effect.gen(function* () {
      const { url } = yield* startPostgres({ dataDir: yield* temporaryFolder, durable: false })
      const urls = yield* ensureDatabases(url, ["billing", "orders"])
      yield* query(urls.billing, (sql) => sql`create table accounts (username text)`)
      const insufficientPrivilege = "42501"
      for (const database of ["orders", "postgres", "template1"]) {
        const code = yield* refusal(inDatabase(urls.billing, database))
        assert.strictEqual(code, insufficientPrivilege, database)
      }
      const orders = new URL(urls.orders)
      orders.username = "billing"
      assert.strictEqual(yield* refusal(orders.href), "28P01")
    }))

  it.live("has the databases and their data again after a restart, with one more service", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      yield* Effect.scoped(Effect.gen(function* () {
        const { url } = yield* startPostgres({ dataDir, durable: false })
        const { items } = yield* ensureDatabases(url, ["items"])
        yield* query(items, (sql) => sql`create table stock as select 7 as quantity`)
      }))
      const { url } = yield* startPostgres({ dataDir, durable: false })
      const { items, slots } = yield* ensureDatabases(url, ["items", "slots"])
      const rows = yield* query(items, (sql) => sql`select quantity from stock`)
      assert.deepStrictEqual([...rows], [{ quantity: 7 }])
      assert.strictEqual(yield* refusal(slots), "let in")
    }))

  it.live("says why the databases cannot be created", () =>
    Effect.gen(function* () {
      const nowhere = "postgres://postgres@127.0.0.1:1/postgres"
      const { message } = yield* Effect.flip(ensureDatabases(nowhere, ["items"]))
      assert.match(message, /^PostgreSQL could not make the services' databases: .*ECONNREFUSED/)
    }))
})

/** The script that makes the services' databases, run for real wherever there is a psql. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import createClient from "postgres"
import { startPostgres } from "#compose/embedded/postgres.ts"
import { temporaryFolder } from "./embedded/temporary-folder.ts"

const script = readFileSync(new URL("../../compose/postgres/databases.sh", import.meta.url), "utf8")
const hasPsql = spawnSync("psql", ["--version"]).status === 0
if (!hasPsql) console.warn("There is no psql on the PATH: databases.sh was NOT run.")

/** Whether a role is let into a database with a password. */
const isLetIn = (server: string, name: string, database: string, password: string) =>
  Effect.promise(() => {
    const url = Object.assign(new URL(server), { username: name, password, pathname: database })
    const sql = createClient(url.href, { max: 1, onnotice: () => {} })
    return sql`select 1`.then(() => true, () => false).finally(() => sql.end())
  })

describe("compose/postgres/databases.sh", () => {
  it.live.skipIf(!hasPsql)(
    "makes a database for each password, also those that come later",
    () =>
      Effect.gen(function* () {
        const { url } = yield* startPostgres({ dataDir: yield* temporaryFolder, durable: false })
        const { username, password, hostname, port } = new URL(url)
        const secrets = yield* temporaryFolder
        const run = (...names: ReadonlyArray<string>) => {
          for (const name of names) writeFileSync(join(secrets, `${name}.password`), `of '${name}`)
          const { status, stderr } = spawnSync("bash", ["-s"], {
            input: script.replaceAll("/run/secrets", secrets),
            encoding: "utf8",
            env: {
              ...process.env,
              POSTGRES_USER: username,
              PGHOST: hostname,
              PGPORT: port,
              PGPASSWORD: password,
            },
          })
          assert.deepStrictEqual([status, stderr], [0, ""])
        }
        run("superuser", "items", "slots")
        run("parcels")
        for (const name of ["items", "slots", "parcels"]) {
          assert.isTrue(yield* isLetIn(url, name, name, `of '${name}`), name)
        }
        assert.isFalse(yield* isLetIn(url, "items", "parcels", "of 'items"))
        assert.isFalse(yield* isLetIn(url, "superuser", "superuser", "of 'superuser"))
      }),
  )
})

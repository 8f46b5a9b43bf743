/** The script that creates the services' databases, run wherever there is a psql. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import createClient from "postgres"
import { startPostgres } from "#compose/embedded/postgres/postgres.ts"
import { temporaryFolder } from "./embedded/temporary-folder.ts"

const script = readFileSync(new URL("../../compose/postgres/databases.sh", import.meta.url), "utf8")
const hasPsql = spawnSync("psql", ["--version"]).status === 0
if (!hasPsql) console.warn("There is no psql on the PATH: databases.sh was NOT run.")

/** Whether the server accepts a role with a password for a database. */
const isLetIn = (server: string, name: string, database: string, password: string) =>
  Effect.promise(() => {
    const url = Object.assign(new URL(server), { username: name, password, pathname: database })
    const sql = createClient(url.href, { max: 1, onnotice: () => {} })
    return sql`select 1`.then(() => true, () => false).finally(() => sql.end())
  })

describe("compose/postgres/databases.sh", () => {
  const secretOf = (name: string, version: number) => `of '${name} \\ $(x) ${version}`

  it.live.skipIf(!hasPsql)(
    "makes a database for each password, also later ones, and sets changed passwords",
    () =>
      Effect.gen(function* () {
        const { url } = yield* startPostgres({ dataDir: yield* temporaryFolder, durable: false })
        const server = new URL(url)
        const secrets = yield* temporaryFolder
        const run = (version: number, ...names: ReadonlyArray<string>) => {
          for (const name of names) {
            writeFileSync(join(secrets, `${name}.password`), secretOf(name, version))
          }
          const { status, stderr } = spawnSync("bash", ["-s"], {
            input: script.replaceAll("/run/secrets", secrets),
            encoding: "utf8",
            env: {
              ...process.env,
              POSTGRES_USER: server.username,
              PGHOST: server.hostname,
              PGPORT: server.port,
              PGPASSWORD: server.password,
            },
          })
          assert.deepStrictEqual([status, stderr], [0, ""])
          // From then on, clients over TCP, as here, need the new one.
          if (names.includes("superuser")) server.password = secretOf("superuser", version)
        }
        const letsIn = (name: string, database: string, version: number) =>
          isLetIn(url, name, database, secretOf(name, version))
        run(1, "items", "slots")
        run(1, "parcels")
        for (const name of ["items", "slots", "parcels"]) {
          assert.isTrue(yield* letsIn(name, name, 1), name)
        }
        assert.isFalse(yield* letsIn("items", "parcels", 1))
        run(2, "items", "superuser")
        assert.isTrue(yield* letsIn("items", "items", 2))
        assert.isFalse(yield* letsIn("items", "items", 1))
        assert.isTrue(yield* letsIn("slots", "slots", 1))
        assert.isTrue(yield* isLetIn(url, "postgres", "postgres", secretOf("superuser", 2)))
        assert.isFalse(yield* isLetIn(url, "postgres", "postgres", new URL(url).password))
        assert.isFalse(yield* isLetIn(url, "superuser", "superuser", secretOf("superuser", 2)))
      }),
  )

  it("shows no password in the list of processes", () => {
    assert.notMatch(script, /\$\(cat|--set password/)
  })
})
